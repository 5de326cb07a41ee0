"""The sealer: everything that is committed, once, without a gap, in one chain."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from pytest_django import Settings

from identity_manager import audit, audit_proof
from identity_manager.audit import keys, sealing, verification
from identity_manager.models import AuditChain, AuditEvent, AuditSalt
from identity_manager.vault.key_ring import KeyRing
from tests.tools import cast
from tests.tools.cast import Company


@pytest.fixture
def company(db: None) -> Company:
    """Not the standing one: some tests here commit."""
    return Company()


def record(company: Company, number: int = 1) -> None:
    for _ in range(number):
        audit.record(audit.Event.PERSON_CHANGED, actor=company.rita, subject=company.uma, fields=["email"])


def test_what_is_recorded_waits_and_is_then_sealed(company: Company) -> None:
    record(company, 3)
    assert AuditEvent.objects.unsealed().count() == 3

    assert sealing.seal() == 3

    assert [event.number for event in AuditEvent.objects.sealed()] == [1, 2, 3]
    end = AuditChain.objects.get()
    assert (end.number, end.chain) == (3, AuditEvent.objects.get(number=3).chain)
    assert sealing.seal() == 0


def test_the_chain_goes_on_where_it_ended(company: Company) -> None:
    record(company)
    sealing.seal()
    record(company)
    sealing.seal()
    first, second = AuditEvent.objects.sealed()
    assert (first.previous, second.previous) == ("", first.chain)
    assert verification.verify().findings == []


def test_more_than_fits_into_one_turn_is_sealed_in_several(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "AT_ONCE", 2)
    record(company, 5)
    assert sealing.seal() == 5
    assert verification.verify().events == 5


def test_an_event_names_persons_by_references_alone(company: Company) -> None:
    record(company)
    event = AuditEvent.objects.get()
    salt = AuditSalt.objects.get(person=company.uma).salt
    assert event.person_ref == audit_proof.reference(salt, str(company.uma.pk))
    assert event.actor_ref != event.person_ref
    assert str(company.uma.pk) not in str(event.content)


def test_the_same_person_has_the_same_reference_each_time(company: Company) -> None:
    record(company, 2)
    assert len(set(AuditEvent.objects.values_list("person_ref", flat=True))) == 1


def test_words_about_somebody_are_covered_by_a_salted_hash(company: Company) -> None:
    event = audit.record(
        audit.Event.REQUEST_CANCELLED, actor=company.ada, subject=company.uma, reason="Uma left", times=2
    )
    assert event.content["facts"] == {"times": 2}
    assert "Uma left" not in str(event.content)
    assert event.personal_sha256 == audit_proof.personal_hash(event.facts_salt, {"reason": "Uma left"})


def test_what_is_erased_while_it_is_sealed_does_not_come_back(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = audit.record(
        audit.Event.REQUEST_CANCELLED, actor=company.ada, subject=company.uma, reason="words"
    )

    def erased_meanwhile(_event: AuditEvent) -> None:
        AuditEvent.objects.filter(pk=event.pk).update(facts={}, facts_salt="")

    monkeypatch.setattr(sealing.notes, "witness", erased_meanwhile)
    sealing.seal()
    event.refresh_from_db()
    assert (event.number, event.facts, event.facts_salt) == (1, {}, "")


def test_a_new_key_seals_what_comes_and_the_old_one_still_verifies(
    company: Company, settings: Settings
) -> None:
    record(company)
    sealing.seal()
    old = settings.AUDIT_KEYS["1"]
    settings.AUDIT_KEYS = KeyRing.fixed(f"1:{old};2:{'A' * 43}=")
    record(company)
    sealing.seal()
    assert [event.mac_key for event in AuditEvent.objects.sealed()] == ["1", "2"]
    assert verification.verify().findings == []

    settings.AUDIT_KEYS = KeyRing.fixed(f"2:{'A' * 43}=")
    assert [finding.kind for finding in verification.verify().findings] == [verification.AuditFault.KEY]


def test_without_a_key_nothing_is_sealed_and_nothing_is_lost(company: Company, settings: Settings) -> None:
    settings.AUDIT_KEYS = KeyRing.fixed("")
    record(company)
    with pytest.raises(keys.NoKey):
        sealing.seal()
    assert AuditEvent.objects.unsealed().count() == 1


def test_an_event_with_an_earlier_id_that_commits_later_gets_the_next_number(company: Company) -> None:
    """Ids are given when an event is made, numbers when it is committed."""
    early = AuditEvent(name="person.changed")
    record(company)
    sealing.seal()
    early.save(force_insert=True)
    assert early.pk < AuditEvent.objects.get(number=1).pk
    sealing.seal()
    early.refresh_from_db()
    assert early.number == 2
    assert verification.verify().findings == []


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_many_sealers_and_writers_at_once_leave_one_chain_without_a_gap() -> None:
    rita = cast.person("rita")
    done = threading.Event()
    faults: list[BaseException] = []

    def write() -> None:
        for _ in range(10):
            with transaction.atomic():
                audit.record(audit.Event.PERSON_CHANGED, actor=rita, subject=rita)

    def seal() -> None:
        while not done.is_set():
            sealing.seal()

    writers = [thread_for(write, faults) for _ in range(4)]
    sealers = [thread_for(seal, faults) for _ in range(3)]
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    sealing.seal()

    assert faults == []
    assert list(AuditEvent.objects.sealed().values_list("number", flat=True)) == list(range(1, 41))
    assert verification.verify().findings == []


def thread_for(work: Callable[[], None], faults: list[BaseException]) -> threading.Thread:
    """Running; what it raises is kept."""

    def run() -> None:
        try:
            work()
        except BaseException as fault:  # noqa: BLE001 told by the test
            faults.append(fault)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.database
@pytest.mark.usefixtures("postgresql_only")
@pytest.mark.django_db(transaction=True)
def test_what_is_not_committed_is_not_sealed() -> None:
    rita = cast.person("rita")
    written, go_on = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            audit.record(audit.Event.PERSON_CHANGED, actor=rita, subject=rita)
            written.set()
            go_on.wait(10)
        connections.close_all()

    audit.record(audit.Event.PERSON_CREATED, actor=rita, subject=rita)
    slow = threading.Thread(target=write_slowly)
    slow.start()
    written.wait(10)
    audit.record(audit.Event.PERSON_ACTIVATED, actor=rita, subject=rita)
    assert sealing.seal() == 2
    go_on.set()
    slow.join()
    assert sealing.seal() == 1
    names = list(AuditEvent.objects.sealed().values_list("name", flat=True))
    assert names == ["person.created", "person.activated", "person.changed"]
    assert verification.verify().findings == []


@pytest.mark.django_db(transaction=True)
def test_a_sealer_whose_turn_was_taken_goes_home(monkeypatch: pytest.MonkeyPatch) -> None:
    company = Company()
    record(company)
    stale = AuditChain.objects.create(pk=1)
    AuditChain.objects.filter(pk=1).update(turn=7)
    monkeypatch.setattr(AuditChain.objects, "get_or_create", lambda **_: (stale, False))
    assert sealing.seal() == 0
    assert AuditEvent.objects.unsealed().count() == 1


def test_the_database_gives_no_number_twice(company: Company) -> None:
    record(company, 2)
    sealing.seal()
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditEvent.objects.filter(number=2).update(number=1)


def test_the_schedule_seals_each_second(settings: Settings) -> None:
    scheduled = [(entry["task"], entry["schedule"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()]
    assert ("audit.seal", 1.0) in scheduled


def test_nothing_is_written_while_nothing_waits(company: Company) -> None:
    record(company)
    sealing.seal()
    before = AuditChain.objects.values().get()
    assert connection.in_atomic_block
    assert sealing.seal() == 0
    assert AuditChain.objects.values().get() == before


def test_an_event_is_dated_by_the_clock_of_the_transaction(company: Company) -> None:
    record(company)
    assert timezone.now() - AuditEvent.objects.get().at < timedelta(seconds=30)
