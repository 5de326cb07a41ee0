"""What a leave and a lock do to each token: by the rule of its type, and never less than safe."""

import pytest

from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    AuditEvent,
    OutgoingMail,
    PersonState,
    SoftwareToken,
    TokenType,
)
from identity_manager.transactions.refusals import Stale
from identity_manager.workflow.people import leave_and_return, tokens_on_leave
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import hold, revoke
from tests.identity_manager.workflow.worker import works
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
AT_CA = {"revoked": "cessationOfOperation", "on_hold": "certificateHold", "active": ""}


def rules(**given: str) -> None:
    TokenType.objects.update(**given)


def leave(company: Company) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="on leave")
    works()


def lock(company: Company, reason: RevocationReason = RevocationReason.CESSATION_OF_OPERATION) -> None:
    leave_and_return.lock(actor=company.rita, person_id=company.uma.pk, reason=reason)
    works()


def state(token: SoftwareToken) -> str:
    return str(SoftwareToken.objects.get(pk=token.pk).state)


def at_ca() -> str:
    return str(IssuedCertificate.objects.get().reason)


@pytest.mark.parametrize(
    ("rule", "ends"), [("revoke", "revoked"), ("hold", "on_hold"), ("run-out", "active")]
)
def test_who_becomes_inactive(company: Company, rule: str, ends: str) -> None:
    token = company.request_in("completed").tokens.get()
    rules(on_leave=rule)
    foreseen = tokens_on_leave.foreseen(company.uma, tokens_on_leave.rule_of_leave)
    leave(company)
    assert (state(token), at_ca()) == (ends, AT_CA[ends])
    facts = AuditEvent.objects.get(name="person.deactivated").facts
    counted = [facts[f"tokens_{name}"] for name in ("revoked", "on_hold", "running_out")]
    assert counted == [ends == each for each in ("revoked", "on_hold", "active")]
    assert counted == [foreseen.revoked, foreseen.held, foreseen.left]
    assert ("is revoked" in OutgoingMail.objects.get(message="person_deactivated").body_text) == (
        ends == "revoked"
    )

    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    works()
    assert state(token) == ("revoked" if ends == "revoked" else "active")


def test_a_token_that_is_not_issued_yet_waits_whatever_the_type_says(company: Company) -> None:
    token = company.request_in("issuing").tokens.get()
    rules(on_leave="revoke")
    leave(company)
    assert state(token) == "issuing"
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    works()
    assert state(token) == "sealed"


@pytest.mark.parametrize(
    ("rule", "ends"), [("revoke", "revoked"), ("hold", "on_hold"), ("run-out", "active")]
)
def test_who_is_locked(company: Company, rule: str, ends: str) -> None:
    token = company.request_in("completed").tokens.get()
    rules(on_lock=rule)
    lock(company)
    assert (state(token), at_ca()) == (ends, AT_CA[ends])
    facts = AuditEvent.objects.get(name="person.locked").facts
    counted = [facts[f"tokens_{name}"] for name in ("revoked", "on_hold", "running_out")]
    assert counted == [ends == each for each in ("revoked", "on_hold", "active")]


@pytest.mark.parametrize(
    ("told", "ends"), [(PersonState.INACTIVE, "on_hold"), (PersonState.LOCKED, "active")]
)
def test_the_state_that_a_directory_tells_decides_which_rule(
    company: Company, told: PersonState, ends: str
) -> None:
    token = company.request_in("completed").tokens.get()
    rules(on_leave="hold", on_lock="run-out")
    leave_and_return.take_over_state(person_id=company.uma.pk, state=told, actor=None)
    works()
    assert state(token) == ends


@pytest.mark.parametrize("rule", ["hold", "run-out"])
def test_a_compromised_key_is_revoked_whatever_the_type_says(company: Company, rule: str) -> None:
    token = company.request_in("completed").tokens.get()
    rules(on_lock=rule)
    lock(company, RevocationReason.KEY_COMPROMISE)
    assert (state(token), at_ca()) == ("revoked", "keyCompromise")


@pytest.mark.parametrize("rule", ["hold", "run-out"])
def test_a_passphrase_that_nobody_noted_outlives_no_lock(company: Company, rule: str) -> None:
    token = company.request_in("issued").tokens.get()
    rules(on_leave=rule, on_lock=rule)
    leave(company)
    assert state(token) == "on_hold"
    lock(company)
    ended = SoftwareToken.objects.get(pk=token.pk)
    assert (ended.state, ended.passphrase_wrapped) == ("revoked", None)


def test_a_lock_takes_nothing_off_hold(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    rules(on_leave="hold", on_lock="run-out")
    leave(company)
    lock(company)
    assert (state(token), at_ca()) == ("on_hold", "certificateHold")


@pytest.mark.parametrize("before", ["leave", "nothing"])
def test_nobody_reinstates_what_a_lock_put_on_hold(company: Company, before: str) -> None:
    token = company.request_in("completed").tokens.get()
    rules(on_lock="hold")
    if before == "leave":
        leave(company)
    lock(company)
    with pytest.raises(Stale) as refused:
        hold.reinstate(actor=company.ada, token_id=token.pk)
    assert refused.value.reason == eligibility.NOT_ACTIVE[PersonState.LOCKED]
    assert state(token) == "on_hold"


def test_what_runs_out_can_still_be_revoked_by_hand(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    rules(on_lock="run-out")
    lock(company)
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=RevocationReason.AFFILIATION_CHANGED)
    assert state(token) == "revoked"


def test_the_rule_in_force_counts_not_that_of_the_older_version(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    old = TokenType.objects.get(pk=token.token_type_id)
    TokenType.objects.filter(pk=old.pk).update(state="retired")
    cast.token_type(old.code, number=old.number + 1, on_leave="revoke", profiles=("other",))
    leave(company)
    assert state(token) == "revoked"


def test_each_token_follows_its_own_type(company: Company) -> None:
    first = company.request_in("completed").tokens.get()
    other = cast.token_type("mail", on_leave="revoke")
    second = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, other))).tokens.get()
    leave(company)
    assert (state(first), state(second)) == ("on_hold", "revoked")
