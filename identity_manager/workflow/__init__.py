"""The workflow verbs: every change of a request or token is made in this package.

ROAD is the index of the seven steps, from the page to the tests; doors.py has step 1,
target_steps.py what goes to targets. after_delivery.py is the index of what comes afterwards: revocation,
hold, leave, standing orders, expiry.
tests/architecture/test_workflow_index.py keeps it true.
"""

from identity_manager.workflow.doors import DOORS
from identity_manager.workflow.road_step import RoadStep
from identity_manager.workflow.target_steps import TARGET_STEPS

__all__ = ["ROAD", "RoadStep"]

_BY_OFFICERS = "tests/identity_manager/workflow/recovery/test_decisions.py"

ROAD = (
    *DOORS,
    RoadStep(
        number=2,
        name="Two Recovery Officers decide on a recovery and give their shares",
        page="console:recovery",
        verbs=("recovery.decisions.approve", "recovery.decisions.reject", "recovery.decisions.give_share"),
        request=None,
        token=None,
        task="",
        mails=("shares_needed", "recovery_asked", "rejected"),
        tests=("tests/journeys/test_recovery_by_officers.py", _BY_OFFICERS),
        original="PstmProcRecoverMultipleSofttoken",
        survives=(
            (
                "the half hour of shares passes",
                f"{_BY_OFFICERS}::test_after_half_an_hour_a_worker_opens_nothing",
            ),
            (
                "an officer's role ends before the act",
                f"{_BY_OFFICERS}::test_an_officer_whose_role_ended_before_the_act",
            ),
            (
                "the archived keys are sealed for another recovery key meanwhile",
                "tests/identity_manager/workflow/recovery/test_moved_keys.py"
                "::test_the_officers_of_the_new_key_give_their_shares",
            ),
        ),
    ),
    RoadStep(
        number=2,
        name="The owner says whether they agree that somebody else gets their archived keys",
        page="selfservice:recovery-consent",
        verbs=("recovery.consent.answer",),
        request=None,
        token=None,
        task="",
        mails=("recovery_consent",),
        tests=(
            "tests/journeys/test_recovery_by_officers.py",
            "tests/identity_manager/workflow/recovery/test_consent.py",
        ),
        original="PstmProcRecoverMultipleSofttoken",
    ),
    RoadStep(
        number=2,
        name="An approver decides",
        page="console:request",
        verbs=(
            "step2_approve.approve",
            "step2_approve.reject",
            "step2_approve.approve_several",
            "step2_approve.reject_several",
            "step2_approve.take_out",
            "step2_approve.postpone",
            "step2_approve.postpone_several",
        ),
        request=("requested", "approved"),
        token=None,
        task="",
        mails=("approved", "rejected", "types_taken_out", "batch_approved", "batch_rejected"),
        tests=(
            "tests/journeys/test_option.py",
            "tests/journeys/test_requests.py",
            "tests/identity_manager/workflow/test_step2.py",
            "tests/identity_manager/workflow/test_take_out.py",
        ),
        original="PstmProcProceedSoftwareTokenRequest",
    ),
    RoadStep(
        number=2,
        name="Nobody decides: approvers are reminded, then others are asked",
        page="",
        verbs=("requests.reminders.escalate_undecided", "requests.reminders.return_postponed"),
        request=None,
        token=None,
        task="",
        mails=(
            *("approval_reminder", "approval_back", "approvals_back", "approval_needed", "left_undecided"),
            *("batch_waits", "batch_reminder", "batch_undecided"),
        ),
        tests=(
            "tests/journeys/test_requests.py",
            "tests/identity_manager/workflow/requests/test_approver_escalation.py",
        ),
        original="PstmProcProceedSoftwareTokenRequest",
    ),
    RoadStep(
        number=2,
        name="Changed person: an officer starts it again with new data",
        page="console:request-resubmit",
        verbs=("requests.suspension.check", "requests.resubmission.resubmit"),
        request=("failed", "requested"),
        token=("issuing", "cancelled"),
        task="",
        mails=("sent_round_again", "approval_needed"),
        tests=(
            "tests/journeys/test_requests.py",
            "tests/identity_manager/workflow/requests/test_resubmission.py",
        ),
    ),
    RoadStep(
        number=3,
        name="The person is invited",
        page="",
        verbs=("step3_invite.invite",),
        request=("approved", "awaiting_acceptance"),
        token=None,
        task="",
        mails=("information", "acceptance_reminder", "request_lapsed"),
        tests=(
            "tests/journeys/test_standard_flow.py",
            "tests/journeys/test_requests.py",
            "tests/identity_manager/workflow/test_step3.py",
            "tests/identity_manager/workflow/requests/test_reminders.py",
        ),
        original="PstmProcProceedSoftwareTokenRequest",
    ),
    RoadStep(
        number=4,
        name="The person accepts the terms",
        page="selfservice:terms",
        verbs=("step4_accept.accept", "step4_accept.decline"),
        request=("awaiting_acceptance", "issuing"),
        token=("ordered", "issuing"),
        task="",
        mails=(),
        tests=("tests/journeys/test_standard_flow.py", "tests/identity_manager/workflow/test_step4.py"),
        original="PstmProcSubStartSoftwareTokenRequest",
    ),
    RoadStep(
        number=4,
        name="The person accepts a new version of the terms for tokens that they have",
        page="selfservice:terms-again",
        verbs=("terms.ask_again.check", "terms.accept_again.accept", "archive.late_intake.archive_token"),
        request=None,
        token=None,
        task="road.archive_late",
        mails=("terms_again", "terms_hold"),
        tests=(
            "tests/journeys/test_terms_again.py",
            "tests/identity_manager/workflow/terms/test_terms_again.py",
            "tests/identity_manager/workflow/archive/test_late_intake.py",
        ),
    ),
    RoadStep(
        number=5,
        name="A CA issues each certificate, and with the last of them the token is sealed",
        page="",
        verbs=("step5_issue.issue", "step5_issue.resolve_orphaned_order"),
        request=("issuing", "issued"),
        token=("issuing", "sealed"),
        task="road.issue_certificate",
        mails=("issuance_failed", "delivery"),
        tests=(
            "tests/journeys/test_ca_down.py",
            "tests/identity_manager/workflow/test_step5.py",
            "tests/kill_points/test_every_kill_point.py",
        ),
        original="PstmProcSubRequestSoftwareToken",
        survives=(
            ("the CA is down, or silent", "tests/journeys/test_ca_down.py::test_down_and_back"),
            (
                "it is down for long, and many orders wait",
                "tests/identity_manager/authorities/test_circuit_breaker.py"
                "::test_after_faults_in_a_row_orders_wait_and_keep_their_attempts",
            ),
            (
                "the CA, or the check of what it issued, says no for good",
                "tests/journeys/test_ca_down.py::test_refused_retried_by_an_officer",
            ),
            (
                "the CA says no, and issues all the same",
                "tests/journeys/test_issued_after_refusal.py"
                "::test_it_is_found_told_and_revoked_and_never_delivered",
            ),
            ("of several CAs one says no", "tests/journeys/test_several_cas.py::test_the_rest_is_given"),
            (
                "an answer is lost, and the CA can be searched",
                "tests/identity_manager/workflow/test_step5.py"
                "::test_no_answer_is_looked_up_before_it_is_asked_again",
            ),
            (
                "an answer is lost, and nobody can find out",
                "tests/journeys/test_parked_orders.py::test_an_officer_sees_the_facts_and_has_it_asked_again",
            ),
            (
                "the answer of a CA that issues for a group with one call is lost",
                "tests/identity_manager/workflow/test_group_commit.py"
                "::test_where_the_answer_for_several_is_lost_each_is_asked_for_and_issued_once",
            ),
            (
                "a worker dies, at any line",
                "tests/kill_points/test_every_kill_point.py::test_killed_at_each_boundary",
            ),
            (
                "a worker outlives its lease",
                "tests/identity_manager/workflow/test_fencing.py"
                "::test_a_late_certificate_is_used_by_whoever_comes_next",
            ),
            (
                "the person is changed before the CA is asked",
                "tests/identity_manager/workflow/test_step5.py"
                "::test_a_change_between_acceptance_and_issuance_stops_before_the_ca",
            ),
            (
                "the person becomes Inactive while the CA is asked",
                "tests/identity_manager/workflow/people/test_leave_between_steps.py::test_at_the_ca",
            ),
            (
                "the person is Locked while the CA is asked",
                "tests/identity_manager/workflow/test_step5.py"
                "::test_a_person_locked_during_the_call_has_it_revoked",
            ),
            (
                "the request is cancelled while the CA is asked",
                "tests/identity_manager/workflow/test_step5.py"
                "::test_a_request_cancelled_during_the_call_has_it_revoked",
            ),
            (
                "the request is cancelled, and what the CA did is not known",
                "tests/identity_manager/workflow/test_step5.py"
                "::test_what_a_cancelled_request_left_at_the_ca_is_found_and_revoked",
            ),
        ),
    ),
    RoadStep(
        number=6,
        name="A token whose certificates came at different times, or whose keys were archived, is sealed",
        page="",
        verbs=("step6_passphrase.seal", "recovery.act.open_keys"),
        request=("issuing", "issued"),
        token=("issuing", "sealed"),
        task="road.seal_token",
        mails=("delivery",),
        tests=(
            "tests/journeys/test_standard_flow.py",
            "tests/identity_manager/workflow/test_step6.py",
            "tests/kill_points/test_every_kill_point.py",
        ),
        original="PstmProcSubRequestSoftwareToken",
        survives=(
            (
                "a worker lacks the rings of the archive",
                "tests/identity_manager/workflow/recovery/test_step1_recover.py"
                "::test_a_worker_without_the_rings_leaves_it_to_another",
            ),
            (
                "somebody has changed the rows of a recovery",
                "tests/identity_manager/workflow/recovery/test_step1_recover.py"
                "::test_the_worker_checks_again_before_it_opens_anything",
            ),
            (
                "a worker outlives its lease",
                "tests/identity_manager/workflow/recovery/test_step1_recover.py"
                "::test_who_outlived_the_lease_settles_nothing",
            ),
        ),
    ),
    RoadStep(
        number=6,
        name="The person notes the passphrase",
        page="selfservice:passphrase",
        verbs=("step6_passphrase.show", "step6_passphrase.acknowledge"),
        request=("issued", "completed"),
        token=("sealed", "active"),
        task="",
        mails=("passphrase_shown", "passphrase_reminder", "token_lapsed"),
        tests=("tests/journeys/test_standard_flow.py", "tests/identity_manager/workflow/test_step6.py"),
        original="PstmProcSubRequestSoftwareToken",
    ),
    RoadStep(
        number=7,
        name="The file is mailed",
        page="",
        verbs=("step7_deliver.send",),
        request=("issued", "completed"),
        token=("sealed", "active"),
        task="mail.send",
        mails=("delivery",),
        tests=(
            "tests/journeys/test_mail_down.py",
            "tests/identity_manager/workflow/test_step7.py",
            "tests/kill_points/test_every_kill_point.py",
        ),
        original="PstmProcSubRequestSoftwareToken",
    ),
    *TARGET_STEPS,
    RoadStep(
        number=7,
        name="The file did not arrive: an officer lets the person fetch it, sends it again, or answers",
        page="selfservice:token",
        verbs=(
            *("delivery.arrival.say", "delivery.arrival.open_download", "delivery.arrival.answer"),
            *("delivery.arrival.arrived", "delivery.reports.receive"),
        ),
        request=None,
        token=None,
        task="",
        mails=("download_opened",),
        tests=(
            "tests/journeys/test_did_not_arrive.py",
            "tests/identity_manager/workflow/delivery/test_arrival.py",
            "tests/identity_manager/workflow/delivery/test_reports.py",
        ),
    ),
    RoadStep(
        number=7,
        name="The person says on which devices it is installed",
        page="selfservice:token",
        verbs=("delivery.installation.confirm", "delivery.installation.take_back"),
        request=None,
        token=None,
        task="",
        mails=(),
        tests=(
            "tests/journeys/test_installed.py",
            "tests/identity_manager/workflow/delivery/test_installation.py",
        ),
    ),
    RoadStep(
        number=7,
        name="Nobody says that it is installed: the person is reminded, officers told, or it is revoked",
        page="",
        verbs=("delivery.installation_check.ask", "delivery.installation_check.check"),
        request=None,
        token=("active", "revoked"),
        task="",
        mails=("installation_due", "installation_over"),
        tests=(
            "tests/journeys/test_installed.py",
            "tests/identity_manager/workflow/delivery/test_installation_check.py",
        ),
    ),
    RoadStep(
        number=7,
        name="The renewed token ends",
        page="",
        verbs=("renewal.supersession.replace_superseded",),
        request=None,
        token=("active", "replaced"),
        task="",
        mails=(),
        tests=(
            "tests/journeys/test_renewal.py",
            "tests/identity_manager/workflow/renewal/test_supersession.py",
        ),
        original="PstmProcSubSubProcRenewSofttoken",
    ),
)
