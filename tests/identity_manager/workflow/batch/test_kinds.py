"""Batch orders that revoke, hold, reinstate and remind: what the lines are, and what becomes of each."""

import uuid

import pytest

from identity_manager.models import (
    AuditEvent,
    BatchBlock,
    BatchKind,
    BatchLine,
    BatchOrder,
    BatchSource,
    ChosenAs,
    OutgoingMail,
    Person,
    Role,
    RoleAssignment,
    SoftwareToken,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow.batch import breaker, entries, kinds, placing
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch.kinds import by_verb
from identity_manager.workflow.batch.kinds import revoke as revoke_kind
from identity_manager.workflow.revocation import hold, revoke
from tests.identity_manager.workflow.batch.orders import (
    REVOKE,
    lines,
    placed,
    revoking,
    started,
    with_token,
    work,
)
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many tokens that the breaker stays closed."""
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1000)


def state_of(token: SoftwareToken) -> str:
    return str(SoftwareToken.objects.get(pk=token.pk).state)


def test_each_kind_is_registered_under_its_name() -> None:
    assert set(kinds.KINDS) == set(BatchKind)
    assert all(kind.kind == name for name, kind in kinds.KINDS.items())


def test_of_persons_each_token_in_use_is_a_line_and_is_revoked(company: Company, many: None) -> None:
    mine, other = with_token(company, company.uma), with_token(company, company.sam, "sealed")

    order = revoking(company.ada, [company.uma, company.sam, company.paul])
    assert lines(order) == [
        ("P-uma", "ready", []),
        ("P-sam", "ready", []),
        ("P-paul", "refused", ["nothing-in-use"]),
    ]
    assert {state_of(mine), state_of(other)} == {"active", "sealed"}
    assert not BatchBlock.objects.exists()

    order = started(order, company.ada)
    assert (order.state, order.counts) == ("finished", {"done": 2, "refused": 1})
    assert {state_of(mine), state_of(other)} == {"revoked"}
    assert {row.revocation_reason for row in mine.certificates.all()} == {"superseded"}
    event = AuditEvent.objects.filter(name="token.revoked").first()
    assert event is not None
    assert event.actor == company.ada


def test_of_certificates_of_one_token_there_is_one_line(company: Company) -> None:
    token = with_token(company, company.uma)
    keys = [str(pk) for pk in token.certificates.values_list("pk", flat=True)]

    order = revoking(company.ada, [*keys, *keys], chosen_as=ChosenAs.CERTIFICATES)

    assert lines(order) == [("P-uma", "ready", [])]
    assert order.lines.get().token == token


def test_hold_reinstate_and_remind(company: Company) -> None:
    token = with_token(company, company.uma)
    waiting = cast.enabled(company.ada, company.sam, company.vpn)

    assert started(placed(company.ada, BatchKind.HOLD, [token]), company.ada).counts == {"done": 1}
    assert (state_of(token), SoftwareToken.objects.get(pk=token.pk).reason) == (
        "on_hold",
        "The profile was wrong.",
    )
    assert started(placed(company.ada, BatchKind.REINSTATE, [company.uma]), company.ada).counts == {"done": 1}
    assert state_of(token) == "active"

    order = placed(company.ada, BatchKind.REMIND, [waiting, token.request])
    assert lines(order) == [("P-sam", "ready", []), ("P-uma", "refused", ["nothing-to-remind"])]
    assert started(order, company.ada, note="").counts == {"done": 1, "refused": 1}
    assert OutgoingMail.objects.filter(message="acceptance_reminder", person=company.sam).count() == 1
    again = placed(company.ada, BatchKind.REMIND, [company.sam])
    assert lines(again) == [("P-sam", "refused", ["reminded-today"])]


def test_who_has_not_noted_the_passphrase_is_reminded(company: Company) -> None:
    with_token(company, company.uma, "sealed")

    order = started(placed(company.ada, BatchKind.REMIND, [company.uma]), company.ada)

    assert order.counts == {"done": 1}
    assert OutgoingMail.objects.filter(message="passphrase_reminder", person=company.uma).count() == 1


def test_why_and_the_reason_of_the_crl_are_demanded(company: Company) -> None:
    token = with_token(company, company.uma)
    for options in ({}, {"reason": "because"}):
        with pytest.raises(NotPossible) as refusal:
            placed(company.ada, BatchKind.REVOKE, [token], options=options)
        assert refusal.value.field == "reason"
    order = revoking(company.ada, [token])
    with pytest.raises(NotPossible) as refusal:
        batch_orders.start(actor=company.ada, order_id=order.pk, note=" ")
    assert refusal.value.field == "note"


# --- What is not as it was confirmed
def test_what_has_changed_since_the_dry_run_is_skipped_with_the_reason(company: Company, many: None) -> None:
    first, second = with_token(company, company.uma), with_token(company, company.sam)
    order = placed(company.ada, BatchKind.HOLD, [first, second])
    hold.put_on_hold(actor=company.ada, token_id=first.pk, reason="by hand")

    order = started(order, company.ada)

    assert sorted(lines(order)) == [("P-sam", "done", []), ("P-uma", "skipped", ["changed-since-dry-run"])]
    assert SoftwareToken.objects.get(pk=first.pk).reason == "by hand"


def test_a_token_that_is_noted_meanwhile_is_revoked_all_the_same(company: Company, many: None) -> None:
    token = with_token(company, company.uma, "sealed")
    order = revoking(company.ada, [token])
    cast.noted(token)

    assert started(order, company.ada).counts == {"done": 1}


def test_what_the_verb_refuses_is_the_reason_of_the_line(
    company: Company, many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = with_token(company, company.uma), with_token(company, company.sam)
    order = revoking(company.ada, [first, second])
    revoke.revoke_token(actor=company.ada, token_id=first.pk, reason=revoke.RevocationReason.UNSPECIFIED)
    monkeypatch.setattr(by_verb.ByVerb, "seen", lambda _way, _row: revoke_kind.IN_USE_OF_ANY)

    order = started(order, company.ada)

    assert sorted(lines(order)) == [("P-sam", "done", []), ("P-uma", "skipped", ["not-in-use"])]


def test_whose_role_ended_for_a_unit_reaches_nobody_there_any_more(company: Company, many: None) -> None:
    Person.objects.filter(pk=company.sam.pk).update(organisational_unit="Elsewhere")
    first, second = with_token(company, company.uma), with_token(company, company.sam)
    order = revoking(company.ada, [first, second])
    RoleAssignment.objects.filter(person=company.ada, role=Role.TOKEN_ADMINISTRATOR).update(
        organisational_unit="Elsewhere"
    )

    order = started(order, company.ada)

    assert sorted(lines(order)) == [("P-sam", "done", []), ("P-uma", "skipped", ["not-administrator"])]
    assert state_of(first) == "active"


def test_whose_role_ended_altogether_stops_it(company: Company, many: None) -> None:
    token = with_token(company, company.uma)
    order = revoking(company.ada, [token])
    batch_orders.start(actor=company.ada, order_id=order.pk, note="x")
    RoleAssignment.objects.filter(person=company.ada).delete()
    work(order)

    order.refresh_from_db()
    assert (order.state, order.stopped_because) == ("paused", "asker-cannot")
    assert state_of(token) == "active"


# --- Attacks
def test_ids_outside_the_askers_unit_tell_nothing_and_do_nothing(company: Company) -> None:
    lina = cast.person("lina", sid="", roles=())
    RoleAssignment.objects.create(person=lina, role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Elsewhere")
    token = with_token(company, company.uma)

    for rows in ([token], [company.uma], [token.request]):
        order = revoking(lina, rows)
        assert lines(order) == [("", "refused", ["not-there"])]
        line = order.lines.get()
        assert (line.person, line.token, line.about) == (None, None, None)
        with pytest.raises(NotPossible):
            batch_orders.start(actor=lina, order_id=order.pk, note="x")


def test_a_file_with_other_peoples_numbers_reaches_nobody(company: Company) -> None:
    lina = cast.person("lina", sid="", roles=())
    RoleAssignment.objects.create(person=lina, role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Elsewhere")
    with_token(company, company.uma)

    order = revoking(lina, ["P-uma", "0815"], source=BatchSource.FILE, chosen_as=ChosenAs.NUMBERS)

    assert lines(order) == [("P-uma", "refused", ["number-unknown"]), ("0815", "refused", ["number-unknown"])]


def test_a_confirmation_that_comes_again_does_nothing(company: Company, many: None) -> None:
    order = started(revoking(company.ada, [with_token(company, company.uma)]), company.ada)
    events = AuditEvent.objects.count()

    with pytest.raises(Stale):
        batch_orders.start(actor=company.ada, order_id=order.pk, note="again")
    assert AuditEvent.objects.count() == events


def test_who_gives_no_such_orders_is_refused(company: Company) -> None:
    token = with_token(company, company.uma)
    for other in (company.paul, company.rita, company.uma):
        with pytest.raises(NotAllowed):
            revoking(other, [token])


# --- The breaker
def test_many_small_orders_are_one_large_one_to_the_breaker(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1)
    olga = cast.person("olga", sid="", roles=(Role.TOKEN_ADMINISTRATOR,))
    first, second = with_token(company, company.uma), with_token(company, company.sam)

    assert started(revoking(company.ada, [first]), company.ada).state == "finished"
    order = started(revoking(company.ada, [second]), company.ada)
    assert order.state == "waiting"
    assert state_of(second) == "active"

    with pytest.raises(NotAllowed) as refusal:
        batch_orders.confirm(actor=company.ada, order_id=order.pk)
    assert refusal.value.reason == batch_orders.OWN_BATCH
    with pytest.raises(NotAllowed):
        batch_orders.confirm(actor=company.paul, order_id=order.pk)
    assert set(BatchOrder.objects.decidable_by(olga)) == {order}
    assert not BatchOrder.objects.decidable_by(company.ada)

    batch_orders.confirm(actor=olga, order_id=order.pk)
    work(order)
    order.refresh_from_db()
    assert (order.state, order.decided_by, state_of(second)) == ("finished", olga, "revoked")
    with pytest.raises(Stale):
        batch_orders.confirm(actor=olga, order_id=order.pk)


def test_what_waits_or_runs_counts_before_it_is_done(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 1)
    first, second = with_token(company, company.uma), with_token(company, company.sam)
    orders = [revoking(company.ada, [first]), revoking(company.ada, [second])]

    states = [batch_orders.start(actor=company.ada, order_id=order.pk, note="x").state for order in orders]

    assert states == ["running", "waiting"]


def test_a_second_officer_who_says_no_ends_it_with_the_reason(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 0)
    olga = cast.person("olga", sid="", roles=(Role.TOKEN_ADMINISTRATOR,))
    order = started(revoking(company.ada, [with_token(company, company.uma)]), company.ada)
    with pytest.raises(NotPossible):
        batch_orders.reject(actor=olga, order_id=order.pk, reason=" ")

    batch_orders.reject(actor=olga, order_id=order.pk, reason="ask me first")

    order.refresh_from_db()
    assert (order.state, order.reason, order.counts) == ("cancelled", "ask me first", {"ready": 1})
    names = AuditEvent.objects.filter(name__startswith="batch.").values_list("name", flat=True)
    assert list(names) == ["batch.created", "batch.asked", "batch.refused", "batch.cancelled"]


# --- By Identity Manager itself
def test_from_code_it_starts_by_itself_and_names_its_cause(company: Company, many: None) -> None:
    token = with_token(company, company.uma)

    order = revoking(company.ada, [token], source=BatchSource.CODE, cause="standing order: VPN for Nord")

    assert (order.state, order.cause) == ("running", "standing order: VPN for Nord")
    work(order)
    order.refresh_from_db()
    assert (order.state, state_of(token)) == ("finished", "revoked")
    assert AuditEvent.objects.get(name="batch.created").facts["cause"] == order.cause
    nothing = revoking(company.ada, [company.paul], source=BatchSource.CODE, cause="the same")
    assert nothing.state == "finished"
    with pytest.raises(NotPossible):
        revoking(company.ada, [token], source=BatchSource.CODE)


def test_from_code_the_breaker_stops_it_as_any_other(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "ALWAYS_LET_THROUGH", 0)
    token = with_token(company, company.uma)

    order = revoking(company.ada, [token], source=BatchSource.CODE, cause="standing order")

    assert (order.state, state_of(token)) == ("waiting", "active")


# --- Blocks
def test_entries_are_stored_and_read_in_blocks(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "PER_BLOCK", 2)
    order = placed(company.ada, BatchKind.REMIND, [company.uma, company.sam, company.paul])
    assert order.total == 3
    assert BatchLine.objects.filter(order=order).count() == 3

    wanted = placing.BatchOrderInput(
        BatchSource.SELECTION,
        (str(uuid.uuid4()) for _each in range(5)),
        kind=BatchKind.REVOKE,
        options=REVOKE["options"],
    )
    order = placing.place_order(actor=company.ada, order_id=uuid.uuid4(), wanted=wanted)
    sizes = [len(block.entries) for block in BatchBlock.objects.filter(order=order).order_by("first")]
    assert (order.total, sizes) == (5, [2, 2, 1])
    batch_orders.cancel(actor=company.ada, order_id=order.pk)
    assert not BatchBlock.objects.filter(order=order).exists()
