"""The journal of targets: intended before a call, there after it; looked at, parked, never repeated."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager import queue, task_names
from identity_manager.models import AuditEvent, HoldBack, Placement, PlacementState, SoftwareToken, Target
from identity_manager.targets.contract import Doubtful, Refused, Unavailable
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.delivery import installation
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.revocation import hold, revoke
from identity_manager.workflow.targets import actions, serving, settlement, uses
from tests.tools import targets
from tests.tools.cast import Company, delivered, noted, shown
from tests.tools.targets import FakeTarget, placement, review, serve, switched_on, token_of

pytestmark = pytest.mark.long

P = PlacementState


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, settings: Any, company: Company) -> FakeTarget:
    return targets.install(monkeypatch, settings)


def der(token: SoftwareToken) -> bytes:
    return placement(token).certificate.der


def events() -> list[str]:
    found = AuditEvent.objects.filter(name__startswith="placement.").order_by("pk")
    return [row.name for row in found]


# --- put


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What is published, and done by nobody."""
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(queue, "publish", lambda task, row_id: sent.append((task, row_id)))
    return sent


def test_it_serves_group_after_group_and_gives_the_lease_back(
    target: FakeTarget, company: Company, messages: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "GROUP", 1)
    switched_on()
    tokens = [token_of(company, name) for name in ("uma", "sam")]
    serve()
    assert [placement(token).state for token in tokens] == [P.THERE, P.THERE]
    row = Target.objects.get()
    assert (row.claim_id, row.leased_until, messages) == (None, None, [])


def test_what_is_left_when_the_time_is_over_is_handed_on(
    target: FakeTarget, company: Company, messages: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "SECONDS", -1)
    switched_on()
    token = token_of(company)
    serve()
    assert messages == [(task_names.SERVE_TARGET, placement(token).target_id)]


def test_only_what_encrypts_is_put_and_the_journal_says_so(target: FakeTarget, company: Company) -> None:
    switched_on()
    token = token_of(company)
    assert placement(token).state == P.WAITING
    assert target.calls == []
    serve()
    assert target.holder("uma") == [der(token)]
    row = placement(token)
    assert (row.state, row.place, row.next_attempt_at) == (P.THERE, "entry-of-uma", None)
    assert events() == ["placement.added"]
    serve()
    assert target.calls == ["locate", "put"]


def test_nothing_is_planned_without_a_second_officer(target: FakeTarget, company: Company) -> None:
    targets.mail_type()
    uses.ask(actor=targets.administrator("sven"), target="corp", type_code="mail", hold_back="issued")
    token_of(company)
    assert not Placement.objects.exists()


def test_it_is_held_back_until_noted(target: FakeTarget, company: Company) -> None:
    switched_on(HoldBack.NOTED)
    token = token_of(company)
    serve()
    assert (placement(token).state, target.calls) == (P.WAITING, [])
    noted(token)
    review(token)
    serve()
    assert target.holder("uma") == [der(token)]


def test_it_is_held_back_until_installed(target: FakeTarget, company: Company) -> None:
    switched_on(HoldBack.INSTALLED)
    token = token_of(company)
    delivered(token.request)
    noted(token)
    review(token)
    serve()
    assert target.holder("uma") == []
    said = installation.confirm(actor=company.uma, token_id=token.pk, device="windows")
    review(token)
    serve()
    assert target.holder("uma") == [der(token)]
    installation.take_back(actor=company.uma, token_id=token.pk, installation_id=said.pk)
    review(token)
    serve()
    assert target.holder("uma") == []


def test_acknowledging_sends_the_message_that_reviews(
    target: FakeTarget,
    company: Company,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    switched_on(HoldBack.NOTED)
    token = token_of(company)
    shown(token)
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(queue, "publish", lambda task, row_id: sent.append((task, row_id)))
    with django_capture_on_commit_callbacks(execute=True):
        step6_passphrase.acknowledge(actor=company.uma, token_id=token.pk)
    assert (task_names.REVIEW_PLACEMENTS, token.pk) in sent
    with django_capture_on_commit_callbacks(execute=True):
        review(token)
    assert (task_names.SERVE_TARGET, placement(token).target_id) in sent


def test_what_somebody_else_had_put_there_is_not_ours_and_stays(target: FakeTarget, company: Company) -> None:
    switched_on(HoldBack.NOTED)
    token = token_of(company)
    target.holder("uma").append(der(token))
    noted(token)
    review(token)
    serve()
    assert placement(token).state == P.FOREIGN
    revoke.revoke_token(
        actor=company.ada,
        token_id=token.pk,
        reason=RevocationReason.KEY_COMPROMISE,
        encryption=[placement(token).certificate_id],
    )
    review(token)
    serve()
    assert target.holder("uma") == [der(token)]
    assert events() == ["placement.not-ours"]


def test_a_person_without_an_entry_is_tried_again_later(target: FakeTarget, company: Company) -> None:
    switched_on()
    place = target.places.pop("uma@example.com")
    token = token_of(company)
    serve()
    row = placement(token)
    assert (row.state, row.last_error) == (P.WAITING, "Nobody of this name.")
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > timezone.now()
    target.places["uma@example.com"] = place
    serve()
    assert placement(token).state == P.THERE


@pytest.mark.parametrize("call", ["locate", "put"])
def test_what_the_target_refuses_waits_for_an_officer(
    target: FakeTarget, company: Company, call: str
) -> None:
    switched_on()
    target.before[call] = Refused("The directory protects this entry.")
    token = token_of(company)
    serve()
    row = placement(token)
    assert (row.state, row.last_error, row.next_attempt_at) == (
        P.REFUSED,
        "The directory protects this entry.",
        None,
    )
    target.before.clear()
    serve()
    assert target.holder("uma") == []
    actions.repeat(actor=targets.administrator("sven"), placement_id=row.pk)
    serve()
    assert target.holder("uma") == [der(token)]
    assert events() == ["placement.refused", "placement.repeated", "placement.added"]


# --- the target is down


@pytest.mark.parametrize("call", ["locate", "put"])
def test_a_target_that_is_down_waits_as_a_whole(target: FakeTarget, company: Company, call: str) -> None:
    switched_on()
    target.before[call] = Unavailable("The directory cannot be reached.")
    tokens = [token_of(company), token_of(company, "sam")]
    serve()
    assert target.calls.count(call) == 1
    assert {placement(each).state for each in tokens} == {P.WAITING}
    row = Target.objects.get()
    assert (row.last_error, row.claim_id) == ("The directory cannot be reached.", None)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > timezone.now()
    serving.serve(target_id=row.pk)
    assert target.calls.count(call) == 1
    target.before.clear()
    serve()
    assert (target.holder("uma"), target.holder("sam")) == ([der(tokens[0])], [der(tokens[1])])


# --- what may or may not have happened


def killed_after(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker dies before it settles."""

    def die(*_given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(settlement, name, die)


def test_killed_between_call_and_settle_it_is_looked_at_and_ours(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on()
    token = token_of(company)
    with monkeypatch.context() as patched:
        killed_after("settle", patched)
        with pytest.raises(KeyboardInterrupt):
            serve()
    assert (placement(token).state, target.holder("uma")) == (P.INTENDED, [der(token)])
    serve()
    assert placement(token).state == P.THERE
    assert target.calls == ["locate", "put", "look"]


def test_killed_before_the_call_it_is_looked_at_and_put(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on()
    token = token_of(company)
    target.before["put"] = KeyboardInterrupt()  # type: ignore[assignment]  # a kill is no Exception
    with pytest.raises(KeyboardInterrupt):
        serve()
    assert (placement(token).state, target.holder("uma")) == (P.INTENDED, [])
    target.before.clear()
    serve()
    assert (placement(token).state, target.holder("uma")) == (P.THERE, [der(token)])
    assert target.calls == ["locate", "put", "look", "put"]


def test_a_lost_answer_is_looked_at_before_anything_is_repeated(target: FakeTarget, company: Company) -> None:
    switched_on()
    target.after["put"] = Doubtful("No answer came.")
    token = token_of(company)
    serve()
    row = placement(token)
    assert (row.state, row.last_error) == (P.INTENDED, "No answer came.")
    serve()
    assert placement(token).state == P.THERE
    assert target.calls == ["locate", "put", "look"]


def test_what_cannot_be_looked_at_is_parked_for_an_officer(target: FakeTarget, company: Company) -> None:
    switched_on()
    target.after["put"] = Doubtful("No answer came.")
    target.can_look = False
    token = token_of(company)
    serve()
    serve()
    row = placement(token)
    assert (row.state, row.next_attempt_at) == (P.PARKED, None)
    serve()
    assert target.calls == ["locate", "put", "look"]
    sven = targets.administrator("sven")
    assert actions.settle_parked(actor=sven, placement_id=row.pk, is_there=True).state == P.THERE


def test_parked_and_not_there_it_is_put_again(target: FakeTarget, company: Company) -> None:
    switched_on()
    target.before["put"] = Doubtful("No answer came.")
    target.can_look = False
    token = token_of(company)
    serve()
    serve()
    target.before.clear()
    sven = targets.administrator("sven")
    actions.settle_parked(actor=sven, placement_id=placement(token).pk, is_there=False)
    serve()
    assert (placement(token).state, target.holder("uma")) == (P.THERE, [der(token)])


def test_an_error_nobody_foresaw_is_in_doubt_and_stops_nobody_else(
    target: FakeTarget, company: Company
) -> None:
    switched_on()
    first, second = token_of(company), token_of(company, "sam")
    del target.entries["entry-of-uma"]  # KeyError
    serve()
    assert (placement(first).state, placement(first).last_error) == (P.INTENDED, "KeyError")
    assert placement(second).state == P.THERE


def test_a_worker_that_outlived_its_lease_settles_nothing(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on()
    token = token_of(company)
    put = target.put

    def slow(*given: Any, **more: Any) -> Any:
        Target.objects.update(claim_id=token.pk)  # another worker has it by now
        return put(*given, **more)

    monkeypatch.setattr(target, "put", slow)
    serve()
    assert placement(token).state == P.INTENDED
    assert Target.objects.get().claim_id == token.pk


# --- taken back


def _revoked(company: Company, token: SoftwareToken) -> None:
    revoke.revoke_token(
        actor=company.ada,
        token_id=token.pk,
        reason=RevocationReason.KEY_COMPROMISE,
        encryption=[placement(token).certificate_id],
    )


def _ended_but_kept(company: Company, token: SoftwareToken) -> None:
    """The encryption certificate lives on: old mail is read with it, and nobody is to write with it."""
    noted(token)
    revoke.revoke_token(actor=company.uma, token_id=token.pk, reason=RevocationReason.CESSATION_OF_OPERATION)
    assert placement(token).certificate.is_living


def _expired(_company: Company, token: SoftwareToken) -> None:
    row = placement(token).certificate
    row.not_after = timezone.now()
    row.save()


def _held(company: Company, token: SoftwareToken) -> None:
    hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="Lost.")


def _locked(company: Company, token: SoftwareToken) -> None:
    leave_and_return.lock(
        actor=company.rita, person_id=token.person_id, reason=RevocationReason.AFFILIATION_CHANGED
    )


def _switched_off(_company: Company, _token: SoftwareToken) -> None:
    use = Target.objects.get().uses.get()
    uses.end(actor=targets.administrator("sven"), use_id=use.pk)


@pytest.mark.parametrize("ends", [_revoked, _ended_but_kept, _expired, _held, _locked, _switched_off])
def test_it_is_taken_back(
    target: FakeTarget, company: Company, ends: Callable[[Company, SoftwareToken], None]
) -> None:
    switched_on()
    token = token_of(company)
    target.holder("uma").append(b"of somebody else")
    serve()
    ends(company, token)
    review(token)
    serve()
    assert target.holder("uma") == [b"of somebody else"]
    assert placement(token).state == P.GONE
    assert events()[-1] == "placement.taken-back"


def test_a_hold_that_ends_publishes_it_again(target: FakeTarget, company: Company) -> None:
    switched_on()
    token = token_of(company)
    serve()
    _held(company, token)
    review(token)
    serve()
    hold.reinstate(actor=company.ada, token_id=token.pk)
    review(token)
    serve()
    assert target.holder("uma") == [der(token)]


def test_a_refused_removal_is_tried_again_and_said(target: FakeTarget, company: Company) -> None:
    switched_on()
    token = token_of(company)
    serve()
    _revoked(company, token)
    target.before["take_back"] = Refused("The account may not write.")
    review(token)
    serve()
    row = placement(token)
    assert (row.state, row.last_error) == (P.THERE, "The account may not write.")
    target.before.clear()
    serve()
    assert placement(token).state == P.GONE


def test_revoked_while_it_was_in_doubt_it_is_looked_at_and_taken_back(
    target: FakeTarget, company: Company
) -> None:
    switched_on()
    target.after["put"] = Doubtful("No answer came.")
    token = token_of(company)
    serve()
    _revoked(company, token)
    review(token)
    serve()
    assert (target.holder("uma"), placement(token).state) == ([], P.GONE)
    assert target.calls[-2:] == ["look", "take_back"]


def test_revoked_before_it_was_put_it_is_never_put(target: FakeTarget, company: Company) -> None:
    switched_on()
    token = token_of(company)
    _revoked(company, token)
    review(token)
    serve()
    assert (target.calls, placement(token).state) == ([], P.WAITING)


def test_revoked_during_the_call_it_is_taken_back_after_it(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on()
    token = token_of(company)
    put = target.put

    def revoked_meanwhile(*given: Any, **more: Any) -> Any:
        _revoked(company, token)
        review(token)
        return put(*given, **more)

    monkeypatch.setattr(target, "put", revoked_meanwhile)
    serve()
    assert (target.holder("uma"), placement(token).state) == ([], P.GONE)


def test_a_target_is_switched_on_for_a_type_that_is_there(target: FakeTarget) -> None:
    with pytest.raises(NotPossible) as refused:
        uses.ask(
            actor=targets.administrator("sven"),
            target=targets.NAME,
            type_code="gone",
            hold_back=HoldBack.ISSUED,
        )
    assert (refused.value.reason, refused.value.field) == (uses.NO_SUCH_TYPE, "type_code")
