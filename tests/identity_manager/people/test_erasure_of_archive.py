"""The archive at an erasure: keys, what somebody else recovered of them, and what was written about it."""

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.audit import notes, sealing, verification
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    Opening,
    Person,
    PersonErasure,
    Recovery,
    Role,
    TokenImport,
    TokenImportRow,
    TokenRequest,
)
from identity_manager.people import erasure
from identity_manager.transactions.refusals import NotPossible
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.revocation import revoke
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture
def rolf(company: Company) -> Person:
    return cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid="")


@pytest.fixture
def key(company: Company) -> ArchivedKey:
    """sam's archived key; sam is locked, and all is revoked."""
    recovery.in_force(recovery.officers())
    row = recovery.archived_key(company, owner=company.sam)
    leave_and_return.lock(
        actor=company.rita, person_id=company.sam.pk, reason=RevocationReason.AFFILIATION_CHANGED
    )
    assert row.certificate is not None
    revoke.revoke_at_ca(certificate_id=row.certificate.pk)
    return row


def recovered_by_uma(company: Company, state: str = "completed") -> TokenRequest:
    """uma has got the key of sam."""
    request = company.request_in(state)
    Recovery.objects.create(
        request=request,
        owner=company.sam,
        opening=Opening.OFFICERS,
        purpose="whisper about Sam",
        reference="7 O 26",
    )
    audit.record(audit.Event.REQUEST_CREATED, actor=None, subject=request, reason="whisper about Sam")
    audit.record(audit.Event.RECOVERY_ASKED, actor=None, subject=request, reason="whisper about Sam")
    return request


def erase(company: Company, rolf: Person) -> PersonErasure:
    with time_machine.travel(timezone.now() + timedelta(days=120)):
        return erase_now(company, rolf)


def erase_now(company: Company, rolf: Person) -> PersonErasure:
    asked = erasure.ask(actor=company.rita, person_id=company.sam.pk)
    return erasure.confirm(actor=rolf, erasure_id=asked.pk)


def test_keys_recovered_files_and_words_go(company: Company, rolf: Person, key: ArchivedKey) -> None:
    request = recovered_by_uma(company)
    read = TokenImportRow.objects.create(
        token_import=TokenImport.objects.create(name="old"),
        position=1,
        file_name="sam.p12",
        file_sha256="ab" * 32,
        outcome="done",
        certificate=b"of sam",
        subject="CN=Sam",
        person=company.sam,
    )
    assert request.tokens.get().containers.exists()

    erase(company, rolf)

    assert not ArchivedKey.objects.exists()
    assert not request.tokens.get().containers.exists()
    case = Recovery.objects.get()
    assert (case.purpose, case.reference) == ("", "")
    event = AuditEvent.objects.filter(request=request, name=audit.Event.REQUEST_CREATED).latest("pk")
    assert "whisper" not in str(event.facts)
    assert not TokenImportRow.objects.filter(pk=read.pk).exists()


def test_the_audit_log_fits_after_somebody_elses_recovery(
    company: Company, rolf: Person, key: ArchivedKey
) -> None:
    recovered_by_uma(company)
    sealing.seal()
    assert verification.verify().findings == []
    with time_machine.travel(timezone.now() + timedelta(days=120)):
        erase_now(company, rolf)
        sealing.seal()
        assert verification.verify().findings == []
        note = AuditEvent.objects.get(name=audit.Event.PERSON_ERASED)
        emptied = AuditEvent.objects.filter(pk__in=note.facts["emptied"])
        assert set(emptied.values_list("person", flat=True)) == {company.uma.pk}


def test_what_is_left_of_a_recovery_fits_after_retention_has_cut_the_log(
    company: Company, rolf: Person, key: ArchivedKey
) -> None:
    """The events of its beginning are gone, with those that the note names among them."""
    request = recovered_by_uma(company)
    audit.record(audit.Event.TOKEN_FILE_FETCHED, actor=None, subject=request, file="of Sam")
    sealing.seal()
    with time_machine.travel(timezone.now() + timedelta(days=120)):
        erase_now(company, rolf)
        sealing.seal()
        last = AuditEvent.objects.get(request=request, name=audit.Event.TOKEN_FILE_FETCHED)
        assert last.pk in notes.emptied_events()
        AuditEvent.objects.filter(pk__lt=last.pk).exclude(name=audit.Event.PERSON_LOCKED).delete()
        assert last.pk in notes.emptied_events()


def test_a_note_excuses_no_other_event(company: Company, rolf: Person, key: ArchivedKey) -> None:
    """Whoever writes to the database names one more event in the note, before it is sealed."""
    recovered_by_uma(company)
    other = cast.enabled(company.ada, company.uma, company.signature)
    audit.record(audit.Event.REQUEST_CREATED, actor=None, subject=other, reason="of Uma")
    hidden = AuditEvent.objects.filter(request=other).latest("pk")
    sealing.seal()
    with time_machine.travel(timezone.now() + timedelta(days=120)):
        erase_now(company, rolf)
        note = AuditEvent.objects.get(name=audit.Event.PERSON_ERASED)
        facts = note.facts | {"emptied": [*note.facts["emptied"], str(hidden.pk)]}
        AuditEvent.objects.filter(pk=note.pk).update(facts=facts)
        AuditEvent.objects.filter(pk=hidden.pk).update(facts=hidden.plain_facts, facts_salt="")
        sealing.seal()
        found = [finding.number for finding in verification.verify().findings]
    hidden.refresh_from_db()
    assert hidden.number in found


@pytest.mark.parametrize("emptied", [["x"], "x", None, [1]])
def test_a_malformed_note_does_not_stop_the_sealer(
    company: Company, rolf: Person, key: ArchivedKey, emptied: object
) -> None:
    sealing.seal()
    with time_machine.travel(timezone.now() + timedelta(days=120)):
        erase_now(company, rolf)
        note = AuditEvent.objects.get(name=audit.Event.PERSON_ERASED)
        AuditEvent.objects.filter(pk=note.pk).update(facts=note.facts | {"emptied": emptied})
        assert sealing.seal()
        assert note.pk not in {each.pk for each in AuditEvent.objects.unsealed()}
        assert verification.verify().findings != []


def test_a_forged_note_excuses_nothing_of_a_living_person(
    company: Company, rolf: Person, key: ArchivedKey
) -> None:
    """With an invented reference that nobody contradicts, about the recovery of somebody who is there."""
    request = recovered_by_uma(company)
    sealing.seal()
    with time_machine.travel(timezone.now() + timedelta(days=120)):
        invented = "aa" * 32
        asked = audit.event_about(audit.Event.ERASURE_ASKED, actor=company.rita, subject=None)
        asked.person_ref = invented
        hidden = AuditEvent.objects.filter(request=request, name=audit.Event.RECOVERY_ASKED).get()
        facts = {"person": str(company.sam.pk), "reference": invented, "emptied": [str(hidden.pk)]}
        note = audit.event_about(audit.Event.PERSON_ERASED, actor=rolf, subject=None, **facts)
        audit.append([asked, note])
        AuditEvent.objects.filter(pk=hidden.pk).update(facts=hidden.plain_facts, facts_salt="")
        sealing.seal()
        found = [finding.number for finding in verification.verify().findings]
    assert hidden.number in found


def test_who_is_being_recovered_for_somebody_is_not_erased(
    company: Company, rolf: Person, key: ArchivedKey
) -> None:
    recovered_by_uma(company, "issuing")
    with pytest.raises(NotPossible) as refused:
        erase(company, rolf)
    assert refused.value.reason == erasure.UNDER_WAY_STILL
    assert ArchivedKey.objects.exists()


def test_the_page_of_who_was_erased_says_until_when_backups_have_copies(
    company: Company, rolf: Person, key: ArchivedKey, settings: Settings
) -> None:
    done = erase(company, rolf)
    assert done.erased_at is not None
    page = signed_in(company.rita).get(reverse("console:person-erase", args=[company.sam.pk])).text
    day = timezone.localdate(done.erased_at) + timedelta(days=settings.BACKUP_KEPT_DAYS)
    assert f"until {date_format(day, 'DATE_FORMAT')}. From then on none is readable." in page
