"""Entries of ROAD for targets: keys, which they may deliver alone, and certificates, which they publish."""

from identity_manager.workflow.road_step import RoadStep

_WORKFLOW = "tests/identity_manager/workflow/targets"
_SOLE = f"{_WORKFLOW}/test_sole_delivery.py"
_ONLY = f"{_WORKFLOW}/test_only_copies.py"
_DEVICES = f"{_WORKFLOW}/test_devices.py"
_SERVING = f"{_WORKFLOW}/test_serving.py"
_DRIFT = f"{_WORKFLOW}/test_drift.py"
_KILLED = f"{_WORKFLOW}/test_kill_points.py"
_KEYS_KILLED = f"{_WORKFLOW}/test_kill_points_of_keys.py"
_SIGKILL = f"{_WORKFLOW}/test_sigkill.py"
_LDAP = "tests/identity_manager/targets/test_ldap.py"
_INTUNE = "tests/identity_manager/targets/test_intune.py"
_GMAIL = "tests/identity_manager/targets/test_gmail.py"
_GMAIL_ROAD = f"{_WORKFLOW}/test_gmail.py"
_GATEWAY = "tests/identity_manager/targets/test_gateway.py"
_TASK = "bulk.serve_target"

TARGET_STEPS = (
    RoadStep(
        number=7,
        name="Targets take the keys: they alone deliver the token, without file and passphrase",
        page="",
        verbs=("targets.serving.serve", "targets.sole_delivery.arrive", "targets.sole_delivery.arrive_late"),
        request=("issued", "completed"),
        token=("sealed", "active"),
        task=_TASK,
        mails=("at_targets",),
        tests=("tests/journeys/test_targets_alone.py", _SOLE, _KEYS_KILLED),
        survives=(
            ("a worker dies, at any line", f"{_KEYS_KILLED}::test_killed_at_each_boundary"),
            (
                "its process is ended by SIGKILL",
                f"{_SIGKILL}::test_a_key_arrives_once_wherever_its_worker_is_killed",
            ),
            (
                "the answer of the target is lost",
                f"{_KEYS_KILLED}::test_an_answer_that_is_lost_is_looked_for_and_nothing_is_sent_twice",
            ),
            ("two workers serve it at once", f"{_KEYS_KILLED}::test_two_workers_hand_one_key_over_once"),
            (
                "nobody can find out whether the key is there",
                f"{_ONLY}::test_nobodys_word_erases_a_key_without_another_copy",
            ),
            ("the target refuses the key", f"{_SOLE}::test_what_is_refused_waits_for_an_officer"),
            (
                "no target is switched on, or it cannot take the key",
                f"{_SOLE}::test_a_token_waits_unsealed_while_no_target_is_on",
            ),
            (
                "the target is switched off while the key waits for it",
                f"{_SOLE}::test_the_only_copy_waits_while_its_target_is_off",
            ),
            (
                "the target leaves the settings while it may have the key",
                f"{_ONLY}::test_in_doubt_at_a_target_that_left_the_settings_an_officer_decides",
            ),
        ),
    ),
    RoadStep(
        number=7,
        name="A copy of the keys goes to a device management, a mail gateway or Gmail",
        page="console:target",
        verbs=("targets.handover.store", "targets.serving.serve", "targets.actions.repeat"),
        request=None,
        token=None,
        task=_TASK,
        mails=(),
        tests=(f"{_WORKFLOW}/test_handover.py", _DEVICES, _INTUNE, _GATEWAY, _GMAIL, _GMAIL_ROAD),
        survives=(
            (
                "the credential has expired, or was withdrawn",
                f"{_DEVICES}::test_an_expired_credential_lets_all_wait",
            ),
            (
                "400 without a reason",
                f"{_DEVICES}::test_400_is_refused_and_an_officer_may_have_it_tried_again",
            ),
            ("403, 404, 429, 500, 503", f"{_INTUNE}::test_what_each_answer_means"),
            ("409", f"{_INTUNE}::test_a_conflict_that_is_not_shown"),
            (
                "the target wants a pause",
                f"{_DEVICES}::test_a_long_pause_lets_the_target_wait_as_long_as_it_said",
            ),
            (
                "the answer is lost, or its body is cut",
                f"{_DEVICES}::test_a_lost_answer_leads_to_one_certificate",
            ),
            (
                "the key of another connector",
                f"{_INTUNE}::test_the_key_of_another_connector_is_400_without_a_reason",
            ),
            ("the host key has changed", f"{_GATEWAY}::test_another_host_key_is_told_nothing"),
            ("the disk is full", f"{_GATEWAY}::test_a_full_disk_of_the_server"),
            (
                "the line is cut at the renaming",
                f"{_GATEWAY}::test_a_line_that_is_cut_at_the_renaming_is_in_doubt",
            ),
            (
                "Google has the key and does not use it yet",
                f"{_GMAIL}::test_after_the_insert_nothing_is_certain",
            ),
            (
                "Google took it, and does not show it",
                f"{_GMAIL_ROAD}::test_what_gmail_took_and_does_not_show_waits_for_an_officer",
            ),
            (
                "one mailbox has no S/MIME",
                f"{_GMAIL_ROAD}::test_a_person_without_a_mailbox_or_without_smime_waits_alone",
            ),
        ),
    ),
    RoadStep(
        number=7,
        name="Certificates are published where others look for them, compared each night, and taken back",
        page="console:target",
        verbs=(
            *("targets.planning.review_token", "targets.serving.serve", "targets.drift.survey_all"),
            *("targets.actions.repeat_all", "targets.actions.settle_parked"),
        ),
        request=None,
        token=None,
        task=_TASK,
        mails=("target_drift",),
        tests=(_SERVING, _DRIFT, "tests/interop/test_directory.py", _LDAP),
        survives=(
            ("a worker dies, at any line", f"{_KILLED}::test_killed_at_each_boundary"),
            (
                "its process is ended by SIGKILL",
                f"{_SIGKILL}::test_a_certificate_comes_and_goes_wherever_its_worker_is_killed",
            ),
            ("the directory is down", f"{_SERVING}::test_a_target_that_is_down_waits_as_a_whole"),
            ("it ends in the middle", f"{_LDAP}::test_it_ends_between_the_search_and_the_modify"),
            (
                "somebody else has put the same value there",
                f"{_SERVING}::test_what_somebody_else_had_put_there_is_not_ours_and_stays",
            ),
            (
                "a twin with other bytes",
                f"{_LDAP}::test_a_twin_with_other_bytes_is_never_removed_in_its_place",
            ),
            (
                "the entry is moved",
                f"{_LDAP}::test_an_entry_that_was_moved_is_found_by_its_id",
            ),
            ("the entry is renamed", f"{_LDAP}::test_an_entry_that_was_renamed_is_found_by_its_id"),
            ("the entry is made again", f"{_LDAP}::test_an_entry_that_was_made_again_is_another_one"),
            ("the entry is protected", f"{_LDAP}::test_a_protected_entry_refuses"),
            (
                "the credential has expired, or was withdrawn",
                f"{_LDAP}::test_a_directory_that_refuses_us_as_a_whole",
            ),
            ("two publishers write at once", f"{_LDAP}::test_two_publishers_at_once_lose_nothing"),
            ("a comparison is cut short", f"{_LDAP}::test_a_survey_that_the_server_cuts_short_is_an_error"),
        ),
    ),
)
