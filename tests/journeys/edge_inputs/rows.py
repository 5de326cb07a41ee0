"""The situations that a real deployment meets, by number, and the tests that stand for each.

A test is named by its file under tests/ and its name. Those in this folder were written for the row; others
were there already, where the thing itself is tested.
"""

HERE = "journeys/edge_inputs/test_persons.py"
MAILS = "journeys/edge_inputs/test_mails.py"
STEP5 = "identity_manager/workflow/test_step5.py"
ISSUING = "ca_bridge/test_issuing.py"
ROUNDS = "identity_manager/workflow/requests/test_resubmission.py"
LEAVE = "identity_manager/workflow/people/test_leave_between_steps.py"
RACES = "identity_manager/workflow/test_races.py"
IMPORTING = "identity_manager/people/imports/test_applying.py"
EMBEDDED = "ca_bridge/connectors/test_embedded.py"
BACKUP = "identity_manager/management/test_backup.py"

ROWS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("names of every script", (f"{HERE}::test_row_01_names_of_every_script",)),
    2: (
        "a common name of more than 64 bytes",
        (f"{HERE}::test_row_02_a_name_that_is_too_long_is_cut_and_shown_as_it_is_cut",),
    ),
    3: (
        "attributes beyond their bounds",
        (
            f"{HERE}::test_row_03_what_no_ca_would_sign_is_said_when_the_person_is_enabled",
            "ca_bridge/x509/test_names.py::test_upper_bounds_count_characters",
        ),
    ),
    4: ("decomposed names", (f"{HERE}::test_row_04_a_decomposed_name_is_the_composed_one",)),
    5: (
        "control characters and bidi overrides",
        (
            f"{HERE}::test_row_05_what_deceives_the_eye_is_refused_by_code_point",
            "identity_manager/people/test_validation.py::test_characters_that_deceive_are_refused_by_code_point",
        ),
    ),
    6: (
        "names that look like a subject",
        (
            f"{HERE}::test_row_06_a_name_that_looks_like_a_subject_is_one_attribute",
            f"{ISSUING}::test_what_is_not_as_ordered_is_refused_and_revoked",
        ),
    ),
    7: ("plus addresses", (f"{HERE}::test_row_07_plus_addresses_are_kept_and_are_addresses_of_their_own",)),
    8: (
        "internationalised domains",
        (f"{HERE}::test_row_08_a_domain_of_other_letters_stands_in_the_certificate_as_a_labels",),
    ),
    9: (
        "local parts beyond ASCII",
        (f"{HERE}::test_rows_09_and_10_an_address_that_not_everybody_can_reach_is_refused",),
    ),
    10: (
        "addresses that are none",
        (
            f"{HERE}::test_rows_09_and_10_an_address_that_not_everybody_can_reach_is_refused",
            "identity_manager/people/test_validation.py::test_what_is_no_address_is_refused",
        ),
    ),
    11: (
        "one address for two, one name for two",
        (f"{HERE}::test_row_11_one_address_one_person_and_equal_names_are_told_apart_by_number",),
    ),
    12: (
        "a record that lacks what a profile needs",
        (
            f"{HERE}::test_row_12_what_the_record_lacks_is_named_before_anything_is_asked",
            "identity_manager/workflow/test_step1.py::test_no_e_mail_no_token",
        ),
    ),
    13: (
        "formulas",
        (
            "identity_manager/console/lists/test_csv_export.py::test_a_beginning_of_a_formula_gets_an_apostrophe",
            "identity_manager/people/test_validation.py::test_formulas_are_refused",
        ),
    ),
    14: (
        "line breaks in headers and file names",
        (
            f"{MAILS}::test_row_14_no_name_breaks_a_header_or_a_file_name",
            f"{MAILS}::test_row_14_a_line_break_in_a_subject_is_a_space",
            f"{MAILS}::test_row_14_an_address_that_came_in_some_other_way_is_refused_for_good",
        ),
    ),
    15: (
        "templates and markup in names",
        (f"{MAILS}::test_row_15_markup_and_template_code_in_a_name_are_text",),
    ),
    16: (
        "data that change under way",
        (
            f"{ROUNDS}::test_an_acceptance_that_notices_the_change_stops_the_request",
            f"{STEP5}::test_a_change_between_acceptance_and_issuance_stops_before_the_ca",
            "journeys/test_requests.py::test_changed_data_stop_the_road_and_it_goes_round_again",
        ),
    ),
    17: (
        "a person who leaves under way",
        (
            f"{LEAVE}::test_at_every_place",
            f"{LEAVE}::test_at_the_ca",
            f"{LEAVE}::test_at_the_mail_server",
            f"{STEP5}::test_a_person_locked_during_the_call_has_it_revoked",
        ),
    ),
    18: (
        "a CA that is down",
        ("journeys/test_ca_down.py::test_down_and_back", f"{STEP5}::test_the_delay_doubles_up_to_an_hour"),
    ),
    19: (
        "an answer that is lost, a worker that dies",
        (
            f"{STEP5}::test_a_worker_that_died_after_the_ca_accepted_leaves_one_certificate",
            f"{ISSUING}::test_an_answer_that_was_never_recorded_is_looked_up",
        ),
    ),
    20: (
        "a CA that answers something else",
        (
            f"{ISSUING}::test_what_is_not_as_ordered_is_refused_and_revoked",
            f"{ISSUING}::test_a_chain_of_garbage",
            f"{ISSUING}::test_garbage_is_refused_and_there_is_nothing_to_revoke",
            f"{ISSUING}::test_a_broken_chain_is_refused_and_revoked",
        ),
    ),
    21: (
        "clocks that differ",
        (
            f"{EMBEDDED}::test_validity_begins_early_and_ends_as_ordered",
            f"{EMBEDDED}::test_validity_never_ends_after_the_ca",
        ),
    ),
    22: (
        "double clicks and redelivered messages",
        (
            f"{RACES}::test_a_button_clicked_many_times_at_once_works_once",
            f"{RACES}::test_next_clicked_many_times_opens_one_request",
            f"{RACES}::test_many_workers_on_one_certificate",
        ),
    ),
    23: (
        "two approvers, and oneself as approver",
        (
            f"{RACES}::test_two_approvers_at_once_one_decides",
            "identity_manager/workflow/test_step2.py::test_the_requester_and_the_beneficiary_do_not_decide",
        ),
    ),
    24: (
        "mails that come back",
        (
            "identity_manager/api/test_mail_webhook.py::test_a_delivered_mail_comes_back",
            "journeys/test_mail_down.py::test_sent_again_for_another_device",
            "journeys/test_guarded_download.py",
        ),
    ),
    25: (
        "a person who does nothing",
        (
            "journeys/test_requests.py::test_terms_are_reminded_of_then_lapse_and_are_asked_for_again",
            "journeys/test_requests.py::test_an_unnoted_passphrase_is_reminded_of_then_destroyed_and_the_person_asks_again",
        ),
    ),
    26: (
        "terms that change under way",
        (
            "identity_manager/workflow/test_step4.py::test_terms_that_changed_meanwhile_are_read_again",
            "identity_manager/workflow/test_step4.py::test_acceptance_is_kept_with_the_text_that_was_read",
        ),
    ),
    27: (
        "files of many persons with some faults",
        (
            f"{IMPORTING}::test_refused_rows_name_line_and_field_and_the_good_ones_wait_for_a_word",
            "identity_manager/directory/test_csv_file.py::test_what_spreadsheets_and_directories_write_is_read",
        ),
    ),
    28: (
        "a backup of yesterday",
        (
            f"{BACKUP}::test_what_was_asked_since_is_looked_up_and_not_asked_again",
            f"{BACKUP}::test_what_was_ordered_since_with_a_key_that_is_lost_is_found_and_revoked",
            f"{EMBEDDED}::test_a_crl_that_was_lost_does_not_take_its_number_back",
        ),
    ),
    29: (
        "identifiers and names that change hands",
        (
            f"{HERE}::test_row_29_an_identifier_is_never_given_again",
            f"{ROUNDS}::test_it_goes_round_with_the_data_of_now",
        ),
    ),
    30: (
        "weak and repeated keys",
        (
            f"{HERE}::test_row_30_the_same_key_is_never_certified_twice",
            f"{ISSUING}::test_a_key_is_used_once",
            f"{EMBEDDED}::test_weak_keys_are_refused",
        ),
    ),
}
# What of a row waits for something that is not built yet.
NOT_YET = {
    28: "comparing with the list of an external CA: no connector that has such a list is there yet",
    29: "listing the encryption keys of a former name: recovery of archived keys is not there yet",
}
