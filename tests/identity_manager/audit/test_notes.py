"""What was taken out of the log on purpose has a note with a MAC; by SQL alone nobody makes one."""

import copy
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from identity_manager import audit, audit_proof
from identity_manager.audit import evidence, heads, known_heads, notes, sealing, verification
from identity_manager.audit.known_heads import KnownHead
from identity_manager.audit.verification import AuditFault
from identity_manager.jobs import retention
from identity_manager.models import AuditEvent, AuditHead, AuditSalt, HeadKind, Person, Role
from identity_manager.people import erasure
from identity_manager.vault.key_ring import KeyRing
from identity_manager.workflow.people import leave_and_return
from tests.identity_manager.audit.test_verifying import sql
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.database, pytest.mark.long, pytest.mark.nightly_on_postgresql]
Finds = Callable[[], list[tuple[AuditFault, int]]]
GONE = RevocationReason.AFFILIATION_CHANGED
A_YEAR = timedelta(days=365)
BLANK = "actor_id = NULL, person_id = NULL, actor_ref = '', person_ref = '', facts = '{}', facts_salt = '',"
BLANK += " personal_sha256 = '', request_id = NULL, token_id = NULL"


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture
def rolf(company: Company) -> Person:
    return cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid="")


@pytest.fixture(params=["the newest form", "the first form"])
def rows(
    request: pytest.FixtureRequest, company: Company, monkeypatch: pytest.MonkeyPatch
) -> list[AuditEvent]:
    """Sign-ins of a year ago and a rejected request, sealed by this version or by the one before."""
    with monkeypatch.context() as before:
        if request.param == "the first form":
            before.setattr(audit_proof, "NEWEST_FORM", audit_proof.FIRST_FORM)
        with time_machine.travel(timezone.now() - A_YEAR):
            for _ in range(2):
                sign_in(company)
            sealing.seal()
        company.request_in("rejected")
        sealing.seal()
    heads.sign()
    return list(AuditEvent.objects.sealed())


@pytest.fixture(params=["alone", "with exported heads"])
def finds(request: pytest.FixtureRequest, rows: list[AuditEvent]) -> Finds:
    """What the check finds, with the heads of the untouched log or without."""
    lines = heads.lines_of(AuditHead.objects.all()) if request.param != "alone" else []
    outside: list[KnownHead] = known_heads.read_heads(lines)
    return lambda: [(each.kind, each.number) for each in verification.verify(outside=outside).findings]


def sign_in(company: Company) -> None:
    audit.record(audit.Event.SIGNED_IN, actor=company.uma, subject=company.uma, method="password")


def decision(rows: list[AuditEvent]) -> AuditEvent:
    return next(event for event in rows if event.name == "request.rejected")


def forge(name: str, facts: str) -> int:
    """An event by SQL, which the sealer then seals; its number."""
    forged = AuditEvent(name=name)
    forged.save(force_insert=True)
    sql("UPDATE EVENTS SET facts = %s WHERE number IS NULL", facts)
    sealing.seal()
    return AuditEvent.objects.get(pk=forged.pk).number or 0


# --- Forgetting ------------------------------------------------------------------------------------
def test_old_sign_ins_are_forgotten(rows: list[AuditEvent], finds: Finds) -> None:
    assert retention.forget_sign_ins() == 2
    sealing.seal()
    assert finds() == []
    assert {event.person_ref for event in AuditEvent.objects.filter(number__lte=2)} == {""}


def test_name_and_time_survive_forgetting_and_are_proven(company: Company, rows: list[AuditEvent]) -> None:
    form = rows[0].form
    retention.forget_sign_ins()
    sealing.seal()
    event = AuditEvent.objects.get(number=1)
    assert event.name == ("account.signed-in" if form == audit_proof.NEWEST_FORM else "audit.forgotten")
    if form == audit_proof.NEWEST_FORM:
        sql("UPDATE EVENTS SET at = '2001-01-01 00:00:00+00:00' WHERE number = 1")
        assert (AuditFault.CHANGED, 1) in [
            (each.kind, each.number) for each in verification.verify().findings
        ]


@pytest.mark.parametrize("ranges", ["[[{0}, {0}]]", "[[1, 99999]]"])
@pytest.mark.parametrize("blank", ["first", "newest", "both"])
def test_an_event_that_was_blanked_behind_a_forged_note(
    rows: list[AuditEvent], finds: Finds, ranges: str, blank: str
) -> None:
    chosen = decision(rows)
    forge("audit.events-forgotten", f'{{"number": {ranges.format(chosen.number)}, "rows": 1}}')
    sql(f"UPDATE EVENTS SET {BLANK} WHERE number = %s", chosen.number)  # noqa: S608 words of our own
    if blank != "newest":
        sql("UPDATE EVENTS SET name = 'audit.forgotten', form = 1 WHERE number = %s", chosen.number)
    if blank != "first":
        body = audit_proof.body_hash(chosen.content)
        sql("UPDATE EVENTS SET body_sha256 = %s WHERE number = %s", body, chosen.number)
    assert (AuditFault.CHANGED, chosen.number) in finds()


def test_a_forged_note_is_found_before_anything_is_blanked(rows: list[AuditEvent], finds: Finds) -> None:
    number = forge("audit.events-forgotten", '{"number": [[1, 99]], "rows": 99, "mac": "x", "mac_key": "1"}')
    assert finds() == [(AuditFault.CHANGED, number)]
    sql("UPDATE EVENTS SET form = 1 WHERE number = %s", number)
    assert (AuditFault.CHANGED, number) in finds(), "nobody claims the form of before"


def test_a_genuine_note_stands_for_no_other_event(rows: list[AuditEvent], finds: Finds) -> None:
    retention.forget_sign_ins()
    sealing.seal()
    note = AuditEvent.objects.get(name="audit.events-forgotten")
    chosen = decision(rows)
    facts = {**note.facts, "number": [[1, chosen.number]]}
    AuditEvent.objects.filter(pk=note.pk).update(facts=facts)
    sql(f"UPDATE EVENTS SET {BLANK}, name = 'audit.forgotten' WHERE number = %s", chosen.number)  # noqa: S608 words of our own
    assert {(AuditFault.CHANGED, note.number), (AuditFault.CHANGED, chosen.number)} <= set(finds())


def test_the_job_forgets_nothing_that_was_dressed_up_as_an_old_sign_in(
    rows: list[AuditEvent], finds: Finds
) -> None:
    chosen = decision(rows)
    sql(
        "UPDATE EVENTS SET name = 'account.signed-in', at = '2001-01-01 00:00:00+00:00' WHERE number = %s",
        chosen.number,
    )
    assert retention.forget_sign_ins() == 2
    sealing.seal()
    assert AuditEvent.objects.get(number=chosen.number).person_ref
    assert (AuditFault.CHANGED, chosen.number) in finds()


def test_a_young_sign_in_that_was_blanked(company: Company, rows: list[AuditEvent], finds: Finds) -> None:
    sign_in(company)
    sealing.seal()
    young = AuditEvent.objects.sealed().last()
    assert young is not None
    forge("audit.events-forgotten", f'{{"number": [[{young.number}, {young.number}]], "rows": 1}}')
    body = audit_proof.body_hash(young.content)
    sql(f"UPDATE EVENTS SET {BLANK}, body_sha256 = %s WHERE number = %s", body, young.number)  # noqa: S608 words of our own
    assert (AuditFault.CHANGED, young.number) in finds()


def test_where_the_log_was_cut_a_note_about_what_is_gone_is_no_finding(rows: list[AuditEvent]) -> None:
    retention.forget_sign_ins()
    sealing.seal()
    heads.make(2, rows[1].chain, kind=HeadKind.CHECKPOINT)
    sql("DELETE FROM EVENTS WHERE number <= 2")
    assert verification.verify().findings == []


def test_a_process_without_the_keys_forgets_nothing(rows: list[AuditEvent], settings: Settings) -> None:
    settings.AUDIT_KEYS = KeyRing.fixed("")
    assert retention.forget_sign_ins() == 0


def test_what_was_forgotten_before_this_form_still_fits(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the version before wrote it: the name is gone, and the note has no MAC."""
    monkeypatch.setattr(audit_proof, "NEWEST_FORM", audit_proof.FIRST_FORM)
    with time_machine.travel(timezone.now() - A_YEAR):
        sign_in(company)
        sealing.seal()
    sql(f"UPDATE EVENTS SET {BLANK}, name = 'audit.forgotten' WHERE number = 1")  # noqa: S608 words of our own
    number = forge("audit.events-forgotten", '{"number": [[1, 1]], "rows": 1}')
    monkeypatch.undo()
    assert verification.verify().findings == []
    sign_in(company)
    sealing.seal()
    assert verification.verify().findings == []
    assert number == 2


def test_a_note_of_before_that_stands_for_more_than_was_emptied(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody put it in before the notes had a MAC, to empty later what it names."""
    monkeypatch.setattr(audit_proof, "NEWEST_FORM", audit_proof.FIRST_FORM)
    sign_in(company)
    sealing.seal()
    number = forge("audit.events-forgotten", '{"number": [[1, 9]], "rows": 9}')
    monkeypatch.undo()
    assert [(each.kind, each.number) for each in verification.verify().findings] == [
        (AuditFault.CHANGED, number)
    ]


def test_evidence_proves_events_of_both_forms(company: Company, rows: list[AuditEvent]) -> None:
    request = decision(rows).request
    assert request is not None
    audit.record(audit.Event.EVIDENCE_TAKEN, actor=company.ada, subject=request)
    sealing.seal()
    last = AuditEvent.objects.sealed().last()
    assert last is not None
    head = heads.make(last.number or 0, last.chain, kind=HeadKind.HEAD)
    found = evidence.of(AuditEvent.objects.filter(request=request), subject="request")
    assert {event["form"] for event in found["events"]} == {rows[0].form, audit_proof.NEWEST_FORM}
    assert list(audit_proof.problems_of(found, [head.public_key])) == []
    for event in found["events"]:
        event["form"] = 3 - event["form"]
    assert len(list(audit_proof.problems_of(found, [head.public_key]))) == len(found["events"])


# --- Erasing ---------------------------------------------------------------------------------------
def unname(person: Person) -> str:
    """By SQL alone: the person is nobody in the log, and a new salt makes other references."""
    reference = AuditEvent.objects.filter(actor=person).values_list("actor_ref", flat=True)[0]
    AuditEvent.objects.filter(actor=person).update(actor=None)
    AuditEvent.objects.filter(person=person).update(person=None)
    AuditSalt.objects.filter(person=person).update(salt="0" * 32)
    return reference


def test_a_living_officer_who_was_unnamed_under_a_new_salt(
    company: Company, rows: list[AuditEvent], finds: Finds
) -> None:
    unname(company.paul)
    assert (AuditFault.CHANGED, decision(rows).number) in finds()


@pytest.mark.parametrize("form", [1, 2])
def test_behind_a_forged_erasure(
    company: Company, rows: list[AuditEvent], finds: Finds, form: int, rolf: Person
) -> None:
    """Also behind one that another officer is made to have asked for."""
    reference = unname(company.paul)
    audit.record(audit.Event.ERASURE_ASKED, actor=rolf, subject=None)
    sql("UPDATE EVENTS SET person_ref = %s WHERE number IS NULL", reference)
    number = forge("person.erased", f'{{"reference": "{reference}", "mac": "x", "mac_key": "1"}}')
    sql("UPDATE EVENTS SET form = %s WHERE number >= %s", form, number - 1)
    assert {(AuditFault.CHANGED, decision(rows).number), (AuditFault.CHANGED, number)} <= set(finds())


def test_words_of_an_event_about_nobody_were_removed(rows: list[AuditEvent], finds: Finds) -> None:
    number = forge("audit.evidence-taken", "{}")
    audit.record(audit.Event.JOB_STARTED, actor=None, subject=None, words="about the system")
    sealing.seal()
    sql("UPDATE EVENTS SET facts = '{}', facts_salt = '' WHERE number = %s", number + 1)
    assert finds() == [(AuditFault.CHANGED, number + 1)]


@pytest.fixture
def leaver(company: Company, rows: list[AuditEvent]) -> Person:
    """An officer whose decision is in the log, and who was locked long ago."""
    leave_and_return.lock(actor=company.rita, person_id=company.paul.pk, reason=GONE)
    sealing.seal()
    return company.paul


def erase(company: Company, rolf: Person, person: Person) -> AuditEvent:
    with time_machine.travel(timezone.now() + A_YEAR):
        asked = erasure.ask(actor=company.rita, person_id=person.pk)
        erasure.confirm(actor=rolf, erasure_id=asked.pk)
        sealing.seal()
    return AuditEvent.objects.get(name="person.erased")


def test_who_is_erased_may_be_nobody(company: Company, rolf: Person, leaver: Person, finds: Finds) -> None:
    note = erase(company, rolf, leaver)
    assert notes.is_authentic(note)
    assert finds() == []
    AuditEvent.objects.filter(pk=note.pk).update(facts={**note.facts, "reference": "0" * 64})
    assert (AuditFault.CHANGED, note.number) in finds()


def test_who_is_erased_while_the_log_of_their_locking_is_gone(
    company: Company, rolf: Person, rows: list[AuditEvent]
) -> None:
    """As where it was cut, or where somebody came in as Locked."""
    paul = Person.objects.get(pk=company.paul.pk)
    paul.lock()
    paul.save()
    assert notes.is_authentic(erase(company, rolf, paul))
    assert verification.verify().findings == []


def test_what_contradicts_an_erasure_was_away_for_a_moment(
    company: Company, rolf: Person, rows: list[AuditEvent], finds: Finds
) -> None:
    """While the sealer looked, nothing was there by the officer; then all came back but the name."""
    reference = AuditEvent.objects.filter(actor=company.paul).values_list("actor_ref", flat=True)[0]
    audit.record(audit.Event.ERASURE_ASKED, actor=rolf, subject=company.paul)
    sql("UPDATE EVENTS SET actor_ref = '' WHERE actor_ref = %s", reference)
    number = forge("person.erased", f'{{"reference": "{reference}"}}')
    assert notes.is_authentic(AuditEvent.objects.get(number=number))

    AuditEvent.objects.filter(actor=company.paul).update(actor_ref=reference)
    unname(company.paul)
    assert (AuditFault.CHANGED, decision(rows).number) in finds()


@pytest.mark.parametrize("lacking", ["the days", "another officer"])
def test_the_sealer_bears_out_no_erasure_that_the_log_contradicts(
    company: Company, rolf: Person, leaver: Person, finds: Finds, lacking: str
) -> None:
    """By SQL: the person as Locked long ago, and an erasure that is confirmed by who asked for it."""
    reference = AuditEvent.objects.filter(actor=leaver).values_list("actor_ref", flat=True)[0]
    days = 0 if lacking == "the days" else 365
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        audit.record(audit.Event.ERASURE_ASKED, actor=company.rita, subject=leaver)
        actor = rolf if lacking == "the days" else company.rita
        audit.record(audit.Event.PERSON_ERASED, actor=actor, subject=None, reference=reference)
        sealing.seal()
    note = AuditEvent.objects.get(name="person.erased")
    assert not notes.is_authentic(note)
    assert (AuditFault.CHANGED, note.number) in finds()


def test_who_was_erased_before_this_form_may_be_nobody_and_nobody_else(
    company: Company, rolf: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(audit_proof, "NEWEST_FORM", audit_proof.FIRST_FORM)
        before.setattr(notes, "witness", lambda _event: None)
        company.request_in("rejected")
        leave_and_return.lock(actor=company.rita, person_id=company.paul.pk, reason=GONE)
        audit.record(audit.Event.ERASURE_ASKED, actor=company.rita, subject=company.ada)
        sealing.seal()
        erase(company, rolf, company.paul)
        event = AuditEvent.objects.get(name="person.erased")
    assert "mac" not in event.facts
    assert verification.verify().findings == []

    unname(copy.copy(company.ada))  # asked for, and never erased
    assert AuditFault.CHANGED in {each.kind for each in verification.verify().findings}
