"""Batch orders: the dry run, the start, each person as if enabled by hand, pause, resume, cancel, faults."""

import time
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from identity_manager import queue, task_names
from identity_manager.jobs import sweep
from identity_manager.models import (
    ApprovalPolicy,
    AuditEvent,
    BatchLine,
    BatchOrder,
    BatchSource,
    OutgoingMail,
    Person,
    Role,
    RoleAssignment,
    SignInCode,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from identity_manager.models.lease import BRIEF_LEASE
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow.batch import bulk_enable, chunk_size, dry_run, placing
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch import shards as batch_shards
from identity_manager.workflow.batch import worker as batch_run
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.policy import eligibility, evaluation
from tests.identity_manager.workflow.batch.orders import due, work
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.long]


def given(
    company: Company, *persons: Person, types: Iterable[TokenType] = (), partial: bool = False, **wanted: Any
) -> BatchOrder:
    """ada gives an order for these persons."""
    values = {
        "source": BatchSource.SELECTION,
        "chosen": [str(person.pk) for person in persons],
        "types": [each.pk for each in types or (company.vpn,)],
        "accept_partial": partial,
        **wanted,
    }
    return placing.place_order(
        actor=company.ada, order_id=uuid.uuid4(), wanted=placing.BatchOrderInput(**values)
    )


def looked_at(order: BatchOrder) -> BatchOrder:
    work(order)
    return BatchOrder.objects.get(pk=order.pk)


def done(order: BatchOrder, company: Company) -> BatchOrder:
    """Looked at, started and carried out."""
    looked_at(order)
    batch_orders.start(actor=company.ada, order_id=order.pk)
    return looked_at(order)


def lines(order: BatchOrder) -> list[tuple[str, str, list[str], list[str]]]:
    """Name, outcome, types and the codes of the reasons, in the order of the batch."""
    rows = order.lines.select_related("person").order_by("position")
    return [
        (
            row.person.given_name if row.person else row.personnel_number,
            row.outcome,
            row.types,
            [each["code"] for each in row.reasons],
        )
        for row in rows
    ]


def test_a_dry_run_says_who_gets_what_and_changes_nothing(company: Company) -> None:
    eve = cast.person("eve", state="inactive", sid="")
    cast.enabled(company.ada, company.sam, company.vpn)
    before = (TokenRequest.objects.count(), RoleAssignment.objects.count())

    order = looked_at(given(company, company.uma, company.sam, eve))

    assert order.state == "checked"
    assert lines(order) == [
        ("Uma", "ready", ["vpn"], []),
        ("Sam", "refused", [], ["under-way"]),
        ("Eve", "refused", [], ["person-inactive"]),
    ]
    assert (TokenRequest.objects.count(), RoleAssignment.objects.count()) == before
    assert order.chosen == []


def test_who_cannot_have_all_types_gets_the_others_where_the_officer_says_so(company: Company) -> None:
    cast.enabled(company.ada, company.sam, company.vpn)
    types = (company.vpn, company.signature)

    strict = looked_at(given(company, company.uma, company.sam, types=types))
    partial = looked_at(given(company, company.uma, company.sam, types=types, partial=True))

    assert lines(strict)[1] == ("Sam", "refused", [], ["under-way"])
    assert lines(partial) == [
        ("Uma", "ready", ["signature", "vpn"], []),
        ("Sam", "ready", ["signature"], ["under-way"]),
    ]


def test_its_mails_are_left_to_the_sweep_which_publishes_a_few_hundred_at_a_time(
    company: Company, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    published: list[tuple[str, uuid.UUID]] = []
    monkeypatch.setattr(queue, "publish", lambda task, *ids: published.extend((task, pk) for pk in ids))
    monkeypatch.setattr(queue, "length", lambda _name: 0)
    monkeypatch.setattr(sweep, "QUEUE_LIMIT", 2)
    with django_capture_on_commit_callbacks(execute=True):
        done(given(company, company.uma, company.sam, cast.person("eve", sid="")), company)
    assert not [pk for task, pk in published if task == task_names.SEND_MAIL]

    sweep.sweep()
    assert len([pk for task, pk in published if task == task_names.SEND_MAIL]) == 2
    sweep.sweep()
    sent = [pk for task, pk in published if task == task_names.SEND_MAIL]
    assert sorted(sent) == sorted(OutgoingMail.objects.values_list("pk", flat=True))
    assert len(sent) == 3


def test_started_it_enables_each_who_is_ready(company: Company) -> None:
    order = done(given(company, company.uma, company.sam), company)

    assert order.state == "finished"
    assert order.counts == {"enabled": 2}
    assert {row.person for row in TokenRequest.objects.all()} == {company.uma, company.sam}
    assert {row.request for row in order.lines.all()} == set(TokenRequest.objects.all())
    names = list(AuditEvent.objects.filter(name__startswith="batch.").values_list("name", flat=True))
    assert names == ["batch.created", "batch.started", "batch.finished"]
    assert AuditEvent.objects.get(name="batch.finished").facts == {
        "batch": str(order.pk),
        "counts": {"enabled": 2},
    }


def test_who_left_meanwhile_is_skipped_with_the_reason(company: Company) -> None:
    order = looked_at(given(company, company.uma, company.sam))
    leave_and_return.deactivate(actor=company.rita, person_id=company.sam.pk, reason="leave")

    batch_orders.start(actor=company.ada, order_id=order.pk)
    order = looked_at(order)

    assert lines(order) == [
        ("Uma", "enabled", ["vpn"], []),
        ("Sam", "skipped", [], ["person-inactive"]),
    ]
    assert order.counts == {"enabled": 1, "skipped": 1}


def test_who_changes_between_preparing_and_writing_is_decided_on_anew(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = looked_at(given(company, company.uma, company.sam))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    prepare = bulk_enable.prepare_chunk

    def overtaken(*args: Any, **more: Any) -> bulk_enable.ChunkPlan:
        work = prepare(*args, **more)
        if "persons" not in more:  # the first time, before the transaction
            Person.objects.filter(pk=company.uma.pk).update(email="other@example.com")
            cast.enabled(company.ada, company.sam, company.vpn)
        return work

    monkeypatch.setattr(bulk_enable, "prepare_chunk", overtaken)
    order = looked_at(order)

    assert lines(order) == [("Uma", "enabled", ["vpn"], []), ("Sam", "skipped", [], ["under-way"])]
    assert TokenRequest.objects.get(person=company.uma).delivery_address == "other@example.com"
    assert TokenRequest.objects.filter(person=company.sam).count() == 1


def test_in_calm_nothing_is_prepared_twice(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    order = looked_at(given(company, company.uma, company.sam))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    calls = []
    prepare = bulk_enable.prepare_chunk
    monkeypatch.setattr(
        bulk_enable, "prepare_chunk", lambda *a, **more: calls.append(more) or prepare(*a, **more)
    )

    looked_at(order)

    assert [set(each) for each in calls] == [{"asker", "offer"}]


def test_terms_that_are_published_meanwhile_are_those_of_whoever_is_enabled_after_that(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is on offer is kept from one person to the next, for as long as the same versions are in force."""
    monkeypatch.setattr(chunk_size.ChunkSize, "size", 1)
    order = looked_at(given(company, company.uma, company.sam, company.paul))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    read: list[bulk_enable.CatalogueSnapshot] = []
    of_now = bulk_enable.catalogue_snapshot

    def overtaken(kept: bulk_enable.CatalogueSnapshot | None) -> bulk_enable.CatalogueSnapshot:
        read.append(of_now(kept))
        if len(read) == 2:  # Sam's
            cast.publish_terms(cast.terms())
        return read[-1]

    monkeypatch.setattr(bulk_enable, "catalogue_snapshot", overtaken)
    looked_at(order)

    tokens = SoftwareToken.objects.order_by("request__created_at")
    assert [token.snapshot["terms"]["version"] for token in tokens] == [1, 2, 2]
    assert read[0] is read[1] is not read[3]  # the third is Sam's second


def test_a_file_names_persons_by_number_and_says_what_it_does_not_know(company: Company) -> None:
    far = cast.person("far", sid="", organisational_unit="Sued")
    RoleAssignment.objects.filter(person=company.ada).update(organisational_unit="Nord")

    order = looked_at(
        given(company, source=BatchSource.FILE, chosen=["P-uma", "0815", "P-far", "P-uma"], file_name="x.csv")
    )

    assert lines(order) == [
        ("Uma", "ready", ["vpn"], []),
        ("0815", "refused", [], ["number-unknown"]),
        ("P-far", "refused", [], ["number-unknown"]),  # of another unit: nothing is told of them
        ("P-uma", "refused", [], ["named-twice"]),
    ]
    assert not order.lines.filter(person=far).exists()


def test_reasons_are_kept_in_both_languages(company: Company) -> None:
    nobody = cast.person("nobody", email="", sid="")

    order = looked_at(given(company, nobody))

    words = order.lines.get().reasons[0]["words"]
    assert words["en"] == str(eligibility.NO_EMAIL)
    assert words["de"] != words["en"]


def test_sent_twice_it_is_one_order(company: Company) -> None:
    key = uuid.uuid4()
    wanted = placing.BatchOrderInput(
        BatchSource.SELECTION, [str(company.uma.pk)], [company.vpn.pk], accept_partial=False
    )

    first, second = (
        placing.place_order(actor=company.ada, order_id=key, wanted=wanted) for _time in range(2)
    )

    assert first == second
    assert AuditEvent.objects.filter(name="batch.created").count() == 1


def test_started_twice_it_is_refused_the_second_time(company: Company) -> None:
    order = looked_at(given(company, company.uma))
    batch_orders.start(actor=company.ada, order_id=order.pk)

    with pytest.raises(Stale) as refusal:
        batch_orders.start(actor=company.ada, order_id=order.pk)

    assert refusal.value.reason == batch_orders.NOT_CHECKED


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"chosen": []}, placing.NOBODY_CHOSEN),
        ({"types": []}, eligibility.NO_TYPE),
        ({"types": [uuid.uuid4()]}, eligibility.UNKNOWN_TYPE),
    ],
    ids=["nobody", "no type", "a type that is not there"],
)
def test_an_order_that_makes_no_sense_is_refused(
    company: Company, wanted: dict[str, Any], reason: object
) -> None:
    values = {"chosen": [str(company.uma.pk)], "types": [company.vpn.pk], **wanted}
    with pytest.raises(NotPossible) as refusal:
        placing.place_order(
            actor=company.ada,
            order_id=uuid.uuid4(),
            wanted=placing.BatchOrderInput(source=BatchSource.SELECTION, accept_partial=False, **values),
        )
    assert refusal.value.reason == reason
    assert not BatchOrder.objects.exists()


def test_nobody_to_enable_nothing_to_start(company: Company) -> None:
    order = looked_at(given(company, cast.person("nobody", email="", sid="")))

    with pytest.raises(NotPossible) as refusal:
        batch_orders.start(actor=company.ada, order_id=order.pk)

    assert refusal.value.reason == batch_orders.NOTHING_READY


# --- Whose it is
def test_only_an_administrator_gives_orders(company: Company) -> None:
    wanted = placing.BatchOrderInput(
        BatchSource.SELECTION, [str(company.uma.pk)], [company.vpn.pk], accept_partial=False
    )
    for other in (company.paul, company.rita, company.uma):
        with pytest.raises(NotAllowed):
            placing.place_order(actor=other, order_id=uuid.uuid4(), wanted=wanted)


def test_another_administrator_of_all_units_may_stop_it_but_not_start_it(company: Company) -> None:
    olga = cast.person("olga", sid="", roles=(Role.TOKEN_ADMINISTRATOR,))
    limited = cast.person("lina", sid="", roles=())
    RoleAssignment.objects.create(person=limited, role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Nord")
    order = looked_at(given(company, company.uma))

    with pytest.raises(NotAllowed):
        batch_orders.start(actor=olga, order_id=order.pk)
    for verb in (batch_orders.pause, batch_orders.resume, batch_orders.cancel):
        with pytest.raises(NotAllowed):
            verb(actor=limited, order_id=order.pk)
    assert batch_orders.cancel(actor=olga, order_id=order.pk).state == "cancelled"


def test_an_asker_who_lost_the_office_enables_nobody_any_more(company: Company) -> None:
    order = looked_at(given(company, company.uma))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    RoleAssignment.objects.filter(person=company.ada).delete()

    order = looked_at(order)

    assert (order.state, order.stopped_because) == ("paused", "asker-cannot")
    assert not TokenRequest.objects.exists()
    olga = cast.person("olga", sid="", roles=(Role.TOKEN_ADMINISTRATOR,))
    with pytest.raises(NotPossible):
        batch_orders.resume(actor=olga, order_id=order.pk)


def test_nor_do_they_start_or_end_it(company: Company) -> None:
    order = looked_at(given(company, company.uma))
    RoleAssignment.objects.filter(person=company.ada).delete()
    ada = Person.objects.get(pk=company.ada.pk)
    for verb in (batch_orders.start, batch_orders.cancel):
        with pytest.raises(NotAllowed):
            verb(actor=ada, order_id=order.pk)


# --- Pause, resume, cancel
def test_paused_it_enables_nobody_until_it_goes_on(company: Company) -> None:
    order = looked_at(given(company, company.uma))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    batch_orders.pause(actor=company.ada, order_id=order.pk)

    assert not work(order)
    assert not TokenRequest.objects.exists()

    batch_orders.resume(actor=company.ada, order_id=order.pk)
    assert looked_at(order).counts == {"enabled": 1}


@pytest.mark.parametrize("verb", [batch_orders.pause, batch_orders.cancel], ids=["paused", "cancelled"])
def test_stopped_while_it_runs_the_chunk_under_way_writes_nothing(
    company: Company, monkeypatch: pytest.MonkeyPatch, verb: Any
) -> None:
    order = looked_at(given(company, company.uma, company.sam))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    prepare = bulk_enable.prepare_chunk

    def overtaken(*args: Any, **more: Any) -> bulk_enable.ChunkPlan:
        verb(actor=company.ada, order_id=order.pk)
        return prepare(*args, **more)

    monkeypatch.setattr(bulk_enable, "prepare_chunk", overtaken)
    assert work(order)

    assert not TokenRequest.objects.exists()
    assert {outcome for _name, outcome, *_rest in lines(order)} == {"ready"}


def test_cancelled_it_leaves_who_is_enabled(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk_size.ChunkSize, "size", 1)
    monkeypatch.setattr(chunk_size, "WORK_SECONDS", -1)  # one chunk for each message
    order = given(company, company.uma, company.sam)
    looked_at(looked_at(order))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    batch_run.run(order_id=order.pk)
    batch_shards.run(shard_id=due(order)[0])

    order = batch_orders.cancel(actor=company.ada, order_id=order.pk)

    assert order.counts == {"enabled": 1, "ready": 1}
    assert not work(order)
    with pytest.raises(Stale):
        batch_orders.cancel(actor=company.ada, order_id=order.pk)


def test_orders_that_nobody_starts_are_cancelled(company: Company) -> None:
    order = looked_at(given(company, company.uma))

    assert batch_orders.forget_old() == 0
    with time_machine.travel(timezone.now() + batch_orders.KEPT + timedelta(minutes=1)):
        assert batch_orders.forget_old() == 1

    order.refresh_from_db()
    assert order.state == "cancelled"


# --- Crashes and faults
def test_a_dead_worker_s_order_goes_on_when_its_lease_is_over(company: Company) -> None:
    order = looked_at(given(company, company.uma))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    assert BatchOrder.objects.claim(order.pk, now=timezone.now())  # and dies

    assert not work(order)
    with time_machine.travel(timezone.now() + BRIEF_LEASE + timedelta(seconds=1)):
        assert looked_at(order).counts == {"enabled": 1}


def test_who_outlives_the_lease_writes_nothing(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    order = looked_at(given(company, company.uma))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    prepare = bulk_enable.prepare_chunk

    def slow(*args: Any, **more: Any) -> bulk_enable.ChunkPlan:
        work = prepare(*args, **more)
        monkeypatch.setattr(bulk_enable, "prepare_chunk", prepare)
        with time_machine.travel(timezone.now() + BRIEF_LEASE + timedelta(seconds=1)):
            assert looked_at(order).state == "finished"
        return work

    monkeypatch.setattr(bulk_enable, "prepare_chunk", slow)
    work(order)

    assert TokenRequest.objects.count() == 1


def break_verdicts_on(whom: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks at what this person may have meets a fault."""
    verdict = evaluation.EligibilityContext.verdict

    def broken(
        self: evaluation.EligibilityContext, person: Person, *args: Any, **more: Any
    ) -> evaluation.Eligibility:
        if person == whom:
            raise ValueError("a fault")
        return verdict(self, person, *args, **more)

    monkeypatch.setattr(evaluation.EligibilityContext, "verdict", broken)


def test_a_fault_stands_on_the_shard_and_whom_it_sticks_to_is_skipped(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = looked_at(given(company, company.uma, company.sam))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    break_verdicts_on(company.uma, monkeypatch)
    now = timezone.now()
    seen = []
    for _time in range(batch_shards.FAULTS_BEFORE_SKIPPING):
        with time_machine.travel(now), pytest.raises(ValueError, match="a fault"):
            work(order)
        seen.append(order.shards.get().last_error)
        now += timedelta(hours=1)
    assert seen == ["ValueError: a fault", "ValueError: a fault", ""], "the third time they are skipped"

    with time_machine.travel(now):
        order = looked_at(order)

    assert lines(order) == [
        ("Uma", "skipped", [], ["batch-fault"]),
        ("Sam", "enabled", ["vpn"], []),
    ]
    assert order.state == "finished"


@pytest.mark.parametrize("source", [BatchSource.SELECTION, BatchSource.FILE])
def test_whom_a_fault_of_the_dry_run_sticks_to_is_refused_and_the_others_are_looked_at(
    company: Company, monkeypatch: pytest.MonkeyPatch, source: BatchSource
) -> None:
    persons = (company.uma, company.sam)
    chosen = [str(row.pk) if source == BatchSource.SELECTION else row.personnel_number for row in persons]
    order = given(company, source=source, chosen=chosen)
    break_verdicts_on(company.uma, monkeypatch)
    now = timezone.now()
    for _time in range(batch_shards.FAULTS_BEFORE_SKIPPING):
        with time_machine.travel(now), pytest.raises(ValueError, match="a fault"):
            work(order)
        now += timedelta(hours=1)
    with time_machine.travel(now):
        order = looked_at(order)

    assert order.state == "checked"
    found = order.lines.order_by("position").values_list("person", "personnel_number", "outcome")
    whose = (company.uma.pk, "") if source == BatchSource.SELECTION else (None, company.uma.personnel_number)
    assert list(found) == [(*whose, "refused"), (company.sam.pk, "", "ready")]
    assert [each["code"] for each in order.lines.order_by("position")[0].reasons] == ["batch-fault"]


def test_the_dry_run_looks_at_more_at_a_time_where_the_database_is_quick(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk_size.ChunkSize, "TARGET", 60)
    order = given(company, company.uma, company.sam)
    claim = BatchOrder.objects.claim(order.pk, now=timezone.now())
    assert claim is not None
    pace = chunk_size.ChunkSize(size=chunk_size.ChunkSize.LEAST)

    dry_run.DryRun(order, claim, pace).work(until=time.monotonic() + 60)

    assert (order.lines.count(), pace.size) == (2, 12)


@pytest.mark.parametrize(("number", "written"), [(1, 1), (1, 2), (0, 2), (0, 0), (2, 0)])
def test_nobody_is_refused_for_a_fault_that_is_not_about_them(
    company: Company, number: int, written: int
) -> None:
    """After a commit that nobody heard of the row is further on; of two nobody knows whose fault it is."""
    order = given(company, company.uma, company.sam)
    claim = BatchOrder.objects.claim(order.pk, now=timezone.now())
    assert claim is not None
    BatchOrder.objects.filter(pk=order.pk).update(
        looked_at=written, attempts=batch_shards.FAULTS_BEFORE_SKIPPING
    )
    run = dry_run.DryRun(order, claim, chunk_size.ChunkSize(), order.chosen[:number])

    run.put_off(ValueError("a fault"))

    row = BatchOrder.objects.get(pk=order.pk)
    assert (row.lines.count(), row.looked_at) == (0, written)
    assert (row.last_error, row.claim_id) == ("ValueError: a fault", None)


def test_a_fault_before_the_next_is_looked_at_is_not_that_of_the_last(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands on the shard, however often it comes; who was enabled stays so, and nobody is skipped."""
    order = looked_at(given(company, company.uma, company.sam))
    batch_orders.start(actor=company.ada, order_id=order.pk)
    batch_run.run(order_id=order.pk)
    order.shards.update(last_error="before", attempts=batch_shards.FAULTS_BEFORE_SKIPPING)
    of_now = bulk_enable.catalogue_snapshot

    def broken(kept: bulk_enable.CatalogueSnapshot | None) -> bulk_enable.CatalogueSnapshot:
        if kept is not None:  # Sam's turn
            raise ValueError("a fault")
        return of_now(kept)

    with monkeypatch.context() as patch:
        patch.setattr(bulk_enable, "catalogue_snapshot", broken)
        with pytest.raises(ValueError, match="a fault"):
            work(order)

    assert "ValueError: a fault" in order.shards.get().last_error
    assert lines(order) == [("Uma", "enabled", ["vpn"], []), ("Sam", "ready", ["vpn"], [])]
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert looked_at(order).counts == {"enabled": 2}


# --- The same as by hand
def picture(person: Person) -> dict[str, Any]:
    """What there is about the person now, without what no two requests share."""
    request = TokenRequest.objects.filter(person=person).first()
    fresh = {"id", "reference", "person_id", "request_id", "token_id", "occasion", "created_at", "at"}
    fresh |= {"decided_at", "accept_before", "next_attempt_at", "asked_at", "waits_from", "assigned_at"}
    fresh |= {"facts_salt", "personal_sha256", "actor_ref", "person_ref", "office_told_at"}

    def plain(row: Any) -> dict[str, Any]:
        columns = {each.attname: getattr(row, each.attname) for each in row._meta.concrete_fields}
        return {name: value for name, value in columns.items() if name not in fresh}

    def without_reference(row: dict[str, Any]) -> dict[str, Any]:
        known = (str(request.pk), request.reference) if request else ()
        texts = {name: str(value) for name, value in row.items()}
        for word in known:
            texts = {name: text.replace(word, "#") for name, text in texts.items()}
        return texts

    rows: dict[str, Any] = {"roles": sorted(map(str, map(plain, person.roles.all())))}
    rows["events"] = [
        without_reference(plain(row))
        for row in AuditEvent.objects.filter(person=person).order_by("pk")
        if not row.name.startswith("batch.")
    ]
    if request is not None:
        rows["request"] = without_reference(plain(request))
        rows["tokens"] = [without_reference(plain(row)) for row in request.tokens.order_by("type_code")]
        rows["asked"] = sorted(str(plain(row)) for row in request.asked_approvers.all())
        told_together = ("approval_needed", "left_undecided")  # of a batch order: test_approver_mails.py
        rows_of_mails = request.mails.exclude(message__in=told_together)
        mails = [without_reference(plain(row)) for row in rows_of_mails]
        rows["mails"] = sorted(map(str, mails))
    return rows


def crowd(company: Company) -> list[Person]:
    """One of each sort, as far as enabling asks."""
    units = ["Nord", "Sued", "West"]
    found = []
    for number, unit in enumerate(units):
        state = {1: "inactive"}.get(number, "active")
        found += [
            cast.person(f"plain{number}", sid="", organisational_unit=unit),
            cast.person(f"german{number}", sid="", organisational_unit=unit, language="de"),
            cast.person(f"away{number}", sid="", organisational_unit=unit, state=state),
            cast.person(f"silent{number}", sid="", organisational_unit=unit, email=""),
            cast.person(f"external{number}", sid="", organisational_unit=unit, kind="external"),
            cast.person(f"user{number}", sid="", organisational_unit=unit, roles=(Role.SELF_SERVICE_USER,)),
        ]
    registered = cast.person("new", sid="", state="registered")
    held = cast.person("held", sid="")
    cast.enabled(company.ada, held, company.vpn)
    coded = cast.person("coded", sid="")
    SignInCode.objects.create(
        person=coded,
        asked_by=company.ada,
        needs_confirmation=False,
        made_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=7),
    )
    ended = cast.person("ended", sid="")
    yesterday = timezone.localdate() - timedelta(days=1)
    RoleAssignment.objects.create(person=ended, role=Role.SELF_SERVICE_USER, valid_until=yesterday)
    managed = cast.person("managed", sid="", manager=company.paul)
    return [*found, registered, held, coded, ended, managed, company.ada, company.paul]


@pytest.mark.parametrize("partial", [False, True], ids=["all or nothing", "in part"])
@pytest.mark.parametrize(
    "chosen",
    [
        "vpn signature",
        "lacking",
        *(
            pytest.param(each, marks=pytest.mark.nightly)
            for each in ("vpn", "signature", "two", "for externals")
        ),
    ],
)
def test_many_are_enabled_as_each_would_be_by_hand(
    company: Company, chosen: str, *, partial: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each sort: the same rows, events, mails and refusals, whichever way they are enabled."""
    cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    cast.token_type("for-externals", kinds=["external"])
    cast.profile("logon", include_sid=True)
    cast.token_type("lacking", profiles=("logon",))
    RoleAssignment.objects.filter(person=company.petra).update(organisational_unit="Sued")
    codes = [chosen.replace(" ", "-")] if chosen.startswith("for") else chosen.split()
    types = list(TokenType.objects.active().filter(code__in=codes))
    with time_machine.travel(timezone.now(), tick=False):
        persons = crowd(company)
        with transaction.atomic():
            by_hand = dict(enabled_by_hand(company, persons, types, partial=partial))
            transaction.set_rollback(True)
        monkeypatch.setattr(chunk_size.ChunkSize, "size", 5)
        order = looked_at(given(company, *persons, types=types, partial=partial))
        if order.lines.filter(outcome="ready").exists():
            batch_orders.start(actor=company.ada, order_id=order.pk)
            looked_at(order)

    for line in BatchLine.objects.filter(order=order).select_related("person"):
        refusals, before = by_hand[line.person.pk]
        assert picture(line.person) == before, line.person
        assert [each["code"] for each in line.reasons][: len(refusals) or None] == refusals, line.person


def enabled_by_hand(
    company: Company, persons: list[Person], types: list[TokenType], *, partial: bool
) -> Iterable[tuple[uuid.UUID, Any]]:
    """What became of each, and the codes of what was refused."""
    for person in persons:
        wanted = [each.pk for each in types]
        refusals = []
        while wanted:
            try:
                cast.step1_enable.enable(actor=company.ada, person_id=person.pk, type_ids=wanted)
                break
            except (NotPossible, NotAllowed) as refused:
                refusals.append(refused.reason.code)
                culprit = next((each.pk for each in types if str(refused).startswith(f"{each.name}: ")), None)
                if not partial or culprit is None:
                    break
                wanted.remove(culprit)
        yield person.pk, (refusals, picture(Person.objects.get(pk=person.pk)))
