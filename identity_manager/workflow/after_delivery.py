"""Index of what happens to a token after its delivery: revocation, hold, leave, expiry, standing orders.

Renewal, replacement and recovery are requests of their own: ROAD has them, at step 1 (doors.py).
"""

from identity_manager.workflow.road_step import RoadStep

_TESTS = "tests/identity_manager/workflow"
_FENCING = f"{_TESTS}/test_fencing.py"
_REVOKE = f"{_TESTS}/revocation/test_revoke.py"
_GROUPS = f"{_TESTS}/revocation/test_group_commit.py"
_HOLD = f"{_TESTS}/revocation/test_hold.py"
_LEAVE = f"{_TESTS}/people/test_leave_and_return.py"
_SUPERSEDED = f"{_TESTS}/renewal/test_supersession.py"
_CHANGES = f"{_TESTS}/renewal/test_holder_changes.py"
_INSTALLED = f"{_TESTS}/delivery/test_installation_check.py"
_TERMS = f"{_TESTS}/terms/test_terms_again.py"
_STANDING = f"{_TESTS}/standing_orders/test_planning.py"

AFTER_DELIVERY = (
    RoadStep(
        number=8,
        name="A token is revoked; a worker has its certificates revoked at their CAs",
        page="console:token-revoke",
        verbs=("revocation.revoke.revoke_token", "revocation.revoke.revoke_at_ca"),
        request=None,
        token=("active", "revoked"),
        task="road.revoke_certificate",
        mails=("tokens_revoked",),
        tests=(_REVOKE, _GROUPS, f"{_TESTS}/revocation/test_revoke_tokens.py"),
        survives=(
            ("the CA cannot be reached", f"{_FENCING}::test_revoking_and_holding"),
            (
                "the CA refuses for good",
                f"{_REVOKE}::test_a_revocation_that_is_refused_for_good_is_left_to_hands",
            ),
            (
                "one of a group cannot be stored",
                f"{_GROUPS}::test_one_that_cannot_be_written_down_keeps_no_other",
            ),
        ),
    ),
    RoadStep(
        number=8,
        name="A token is put on hold, and reinstated",
        page="console:token-hold",
        verbs=("revocation.hold.put_on_hold", "revocation.hold.reinstate", "revocation.hold.hold_at_ca"),
        request=None,
        token=("active", "on_hold"),
        task="road.hold_certificate",
        mails=(),
        tests=(_HOLD,),
        survives=(
            ("the CA cannot be reached", f"{_HOLD}::test_a_ca_that_is_down_delays"),
            (
                "a worker dies after the CA has put it on hold",
                f"{_HOLD}::test_a_worker_that_died_after_the_ca_held_it_leaves_nothing_on_hold",
            ),
        ),
    ),
    RoadStep(
        number=8,
        name="A person goes on leave and returns, or is locked",
        page="console:person-deactivate",
        verbs=(
            "people.leave_and_return.deactivate",
            "people.leave_and_return.activate",
            "people.leave_and_return.lock",
            "people.leave_and_return.take_over_state",
        ),
        request=None,
        token=("active", "on_hold"),
        task="",
        mails=("person_deactivated", "person_activated"),
        tests=(_LEAVE, f"{_TESTS}/people/test_tokens_on_leave.py"),
        survives=(
            (
                "a certificate ends during the leave",
                f"{_LEAVE}::test_what_nobody_has_got_and_has_ended_during_the_leave_is_over",
            ),
        ),
    ),
    RoadStep(
        number=8,
        name="A standing order finds who joined or left its group, and places batch orders",
        page="console:standing-order",
        verbs=("standing_orders.planning.run",),
        request=None,
        token=None,
        task="bulk.plan_standing_order",
        mails=("standing_order_stopped",),
        tests=(_STANDING, f"{_TESTS}/standing_orders/test_four_eyes.py"),
        survives=(
            (
                "a worker dies before it has stored the plan",
                f"{_STANDING}::test_killed_before_it_has_settled_it_places_nothing_twice",
            ),
            (
                "too many leave or join within a day",
                f"{_STANDING}::test_too_many_leavers_and_joiners_within_a_day_stop_it",
            ),
            (
                "a renewal of a leaver is under way",
                f"{_STANDING}::test_what_was_renewed_together_with_another_type_is_taken_when_it_comes",
            ),
        ),
    ),
    RoadStep(
        number=8,
        name="The data of a person change, so that certificates say what is no longer so",
        page="console:holder-change",
        verbs=("renewal.holder_changes.notice", "renewal.holder_changes.start"),
        request=None,
        token=None,
        task="",
        mails=(),
        tests=(_CHANGES,),
        survives=(
            (
                "one person cannot be compared",
                f"{_CHANGES}::test_one_that_cannot_be_noticed_keeps_no_other_back",
            ),
            (
                "they change while a renewal is open",
                f"{_CHANGES}::test_a_change_while_a_renewal_is_open_stops_the_renewal",
            ),
        ),
    ),
    RoadStep(
        number=8,
        name="The successor of a renewed token works, and the old one is revoked",
        page="",
        verbs=("renewal.supersession.replace_superseded",),
        request=None,
        token=("active", "replaced"),
        task="",
        mails=(),
        tests=(_SUPERSEDED,),
        survives=(
            (
                "the CA has no revocation",
                f"{_SUPERSEDED}::test_a_ca_that_cannot_revoke_makes_no_task_by_hand",
            ),
            ("the successor was revoked", f"{_SUPERSEDED}::test_a_successor_that_was_revoked_ends_nothing"),
        ),
    ),
    RoadStep(
        number=8,
        name="Nobody has said that the token is installed: the person is reminded, or it is revoked",
        page="selfservice:installed",
        verbs=("delivery.installation_check.ask", "delivery.installation_check.check"),
        request=None,
        token=("active", "revoked"),
        task="",
        mails=("installation_due", "installation_over"),
        tests=(_INSTALLED,),
        survives=(
            ("two jobs run at once", f"{_INSTALLED}::test_two_runs_at_once_mail_once"),
            (
                "more than a day may have are due",
                f"{_INSTALLED}::test_more_than_a_day_may_have_are_left_to_people",
            ),
        ),
    ),
    RoadStep(
        number=8,
        name="New terms are to be accepted by who holds a token",
        page="selfservice:terms-again",
        verbs=("terms.ask_again.check",),
        request=None,
        token=("active", "on_hold"),
        task="",
        mails=("terms_again", "terms_hold"),
        tests=(_TERMS,),
        survives=(("an acceptance comes late", f"{_TERMS}::test_a_late_acceptance_brings_the_token_back"),),
    ),
    RoadStep(
        number=8,
        name="The last certificate of a token ends",
        page="",
        verbs=("issuance.expiry.expire_ended", "revocation.revoke.expire_when_over"),
        request=None,
        token=("active", "expired"),
        task="",
        mails=(),
        tests=(_REVOKE, "tests/journeys/test_renewal.py"),
        survives=(
            (
                "its person is erased",
                f"{_REVOKE}::test_what_has_ended_expires_without_a_word_to_its_ca_though_its_person_is_erased",
            ),
        ),
    ),
)
