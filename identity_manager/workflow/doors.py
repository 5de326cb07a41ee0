"""Step 1 of ROAD: the doors through which a request is opened."""

from identity_manager.workflow.road_step import RoadStep

_BY_OFFICERS = "tests/identity_manager/workflow/recovery/test_decisions.py"
_EXPIRY = "tests/identity_manager/workflow/renewal/test_expiry_check.py"
_REPLACED = "tests/identity_manager/workflow/replacement/test_step1_replace.py"

DOORS = (
    RoadStep(
        number=1,
        name="An administrator enables a person",
        page="console:enable",
        verbs=("step1_enable.enable",),
        request=None,
        token=None,
        task="",
        mails=("approval_needed",),
        tests=("tests/journeys/test_standard_flow.py", "tests/identity_manager/workflow/test_step1.py"),
        original="PstmProcRequestInitialSoftwareToken",
    ),
    RoadStep(
        number=1,
        name="The person asks in Self-Service",
        page="selfservice:request-softtoken",
        verbs=("step1_request.request",),
        request=None,
        token=None,
        task="",
        mails=("approval_needed",),
        tests=("tests/journeys/test_option.py", "tests/identity_manager/workflow/test_step1.py"),
        original="PstmProcRequestInitialSofttokenUSSP",
    ),
    RoadStep(
        number=1,
        name="The person renews a token",
        page="selfservice:renew",
        verbs=("step1_renew.renew", "step1_renew.not_needed"),
        request=None,
        token=None,
        task="",
        mails=("approval_needed",),
        tests=(
            "tests/journeys/test_renewal.py",
            "tests/identity_manager/workflow/renewal/test_step1_renew.py",
        ),
        original="PstmProcRenewSofttoken",
    ),
    RoadStep(
        number=1,
        name="The expiry check asks the person to renew, or renews by itself",
        page="",
        verbs=("renewal.expiry_check.check", "step1_renew.start_by_itself"),
        request=None,
        token=None,
        task="",
        mails=("renewal_due", "approval_needed"),
        tests=(
            "tests/journeys/test_renewal.py",
            _EXPIRY,
        ),
        original="PstmSubProcRenewSofttokens",
        survives=(
            ("the job runs twice", f"{_EXPIRY}::test_by_itself_it_starts_one_renewal_and_no_second"),
            ("one renewal fails", f"{_EXPIRY}::test_a_token_whose_renewal_fails_keeps_no_other_back"),
            ("the person is on leave", f"{_EXPIRY}::test_leave_stops_the_clock_and_the_return_asks"),
        ),
    ),
    RoadStep(
        number=1,
        name="The person has lost tokens: they are revoked at once, and replaced",
        page="selfservice:replace",
        verbs=("step1_replace.replace",),
        request=None,
        token=("active", "revoked"),
        task="",
        mails=("tokens_replaced", "approval_needed"),
        tests=("tests/journeys/test_replacement.py", _REPLACED),
        original="PstmProcReplaceSofttokenUSSP",
        survives=(
            (
                "the click comes twice",
                f"{_REPLACED}::test_a_second_click_finds_other_tokens_and_does_nothing",
            ),
            (
                "the replacement is rejected, or lapses",
                f"{_REPLACED}::test_one_that_lapses_leaves_the_old_ones_revoked",
            ),
        ),
    ),
    RoadStep(
        number=1,
        name="An administrator replaces the tokens of a person",
        page="console:person-replace",
        verbs=("step1_replace.replace_for",),
        request=None,
        token=("active", "revoked"),
        task="",
        mails=("tokens_replaced", "approval_needed"),
        tests=(_REPLACED, "tests/identity_manager/workflow/replacement/test_attacks.py"),
        original="PstmSubProcReplaceSofttokenUSSP",
    ),
    RoadStep(
        number=1,
        name="The owner has archived keys recovered",
        page="selfservice:recover",
        verbs=("step1_recover.recover", "recovery.creation.begin"),
        request=("approved", "issuing"),
        token=("ordered", "issuing"),
        task="",
        mails=("recovery_asked",),
        tests=(
            "tests/journeys/test_recovery.py",
            "tests/identity_manager/workflow/recovery/test_step1_recover.py",
        ),
        original="PstmProcRecoverMultipleSofttoken",
    ),
    RoadStep(
        number=1,
        name="An administrator asks for a person's archived keys",
        page="console:person-recover",
        verbs=("step1_recover.recover_by_officers",),
        request=None,
        token=None,
        task="",
        mails=("recovery_to_decide",),
        tests=("tests/journeys/test_recovery_by_officers.py", _BY_OFFICERS),
        original="PstmProcRecoverMultipleSofttoken",
    ),
    RoadStep(
        number=1,
        name="Tokens of another system come in, with a request that is completed already",
        page="console:token-imports",
        verbs=(
            "token_imports.dry_run.look_through",
            "token_imports.decisions.ask",
            "token_imports.execution.confirm",
            "token_imports.execution.carry_out",
        ),
        request=None,
        token=None,
        task="",
        mails=(),
        tests=(
            "tests/journeys/test_token_import.py",
            "tests/identity_manager/workflow/token_imports/test_import.py",
        ),
        survives=(
            (
                "it is stopped between two persons",
                "tests/identity_manager/workflow/token_imports/test_import.py"
                "::test_it_is_resumed_where_it_stopped",
            ),
            (
                "it is stopped while a person is written",
                "tests/identity_manager/workflow/token_imports/test_import.py"
                "::test_stopped_at_any_line_nothing_of_a_person_is_half_there",
            ),
        ),
    ),
    RoadStep(
        number=1,
        name="The person of a token changes: it is renewed at once, or an officer decides",
        page="console:holder-change",
        verbs=(
            "renewal.holder_changes.check",
            "renewal.holder_changes.start",
            "renewal.holder_changes.leave",
        ),
        request=None,
        token=None,
        task="road.notice_changes",
        mails=("information", "approval_needed"),
        tests=(
            "tests/journeys/test_renewal.py",
            "tests/identity_manager/workflow/renewal/test_holder_changes.py",
        ),
        original="PstmSubProcRenewSofttokens",
    ),
)
