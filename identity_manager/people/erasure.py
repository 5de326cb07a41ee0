"""Erasure of persons who left long ago (GDPR, article 17), agreed on by two Registration Officers.

Names, numbers, addresses and texts about the person are removed from every table; requests, tokens and
certificates remain as anonymous rows, certificates with issuer and serial. The chain of the audit log stays
valid: it has salted references to persons, and the salt is destroyed. Irreversible.
"""

import uuid
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ca_bridge.models import SurplusCertificate
from identity_manager import audit
from identity_manager.audit import person_references
from identity_manager.models import (
    Account,
    AuditEvent,
    AuditSalt,
    BatchLine,
    CaFinding,
    Certificate,
    CertificateState,
    DirectoryLink,
    DirectoryRunLine,
    MailEvent,
    Person,
    PersonErasure,
    PersonState,
    Placement,
    Recovery,
    SoftwareToken,
    TokenImportRow,
    TokenRequest,
)
from identity_manager.models.directory.scim import ScimKind
from identity_manager.models.people.vouching import Exclusion
from identity_manager.models.person_search import matching as person_search
from identity_manager.models.person_search import suggestions
from identity_manager.people import anonymisation, registration_policy
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require

FORGOTTEN = "-"  # replaces the place at a target, which identifies the person
OWN_RECORD = Reason("own-erasure", _("Nobody erases themselves."))
NOT_LOCKED = Reason("not-locked", _("Only a person who is Locked can be erased."))
TOO_EARLY = _("The records must be kept until %(day)s: the person was locked a short time ago.")
UNDER_WAY_STILL = Reason(
    "erasure-under-way", _("A request, a token or a certificate of this person is not at its end yet.")
)
ERASED_ALREADY = Reason("erased-already", _("This person was erased already."))
ASKED_ALREADY = Reason("erasure-asked-already", _("The erasure waits for a second officer already."))
SAME_OFFICER = Reason("same-officer", _("A second officer confirms, not the one who asked."))
NOT_WAITING = Reason("erasure-not-waiting", _("This erasure does not wait any more."))
REASONS: second_officer.Reasons = {
    Exclusion.OFFICE: registration_policy.NOT_REGISTRATION_OFFICER,
    Exclusion.OWN: OWN_RECORD,
    Exclusion.ASKED: SAME_OFFICER,
    **vouching_policy.REASONS,
}
NAME = "Erased person"
# Of a person's record; every other field gets its default, so that a new one is not forgotten.
STAY_ON_THE_RECORD = {
    *("id", "state", "version", "created_at", "entered_by"),
    *("personnel_number", "given_name", "surname", "display_name", "updated_at"),  # written with the rest
}


def ask(*, actor: Person, person_id: uuid.UUID) -> PersonErasure:
    """Request the erasure, as a Registration Officer. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        person = locking.person(person_id)
        _refuse_others(actor, person)
        refuse(obstacle(person))
        refuse(ASKED_ALREADY if person.erasures.waiting().exists() else None, kind=Stale)

        erasure = PersonErasure.objects.create(person=person, asked_by=actor)
        audit.record(audit.Event.ERASURE_ASKED, actor=actor, subject=person)
        return erasure


def withdraw(*, actor: Person, erasure_id: uuid.UUID) -> PersonErasure:
    """Withdraw the request, as a Registration Officer. Raises NotAllowed or Stale."""
    with transaction.atomic():
        erasure = _locked(erasure_id)
        _refuse_others(actor, erasure.person)
        require(erasure.waits(), else_=NOT_WAITING, kind=Stale)

        erasure.withdrawn_at = timezone.now()
        erasure.save()
        audit.record(audit.Event.ERASURE_WITHDRAWN, actor=actor, subject=erasure.person)
        return erasure


def confirm(*, actor: Person, erasure_id: uuid.UUID) -> PersonErasure:
    """Confirm as a second Registration Officer, and erase. Raises NotAllowed, NotPossible or Stale."""
    with transaction.atomic():
        erasure = _locked(erasure_id)
        second_officer.require(actor, erasure, reasons=REASONS, not_waiting=NOT_WAITING)
        refuse(obstacle(erasure.person))

        erasure.decided_by = actor
        erasure.decided_at = erasure.erased_at = timezone.now()
        erasure.save()
        reference = _reference_in_the_log(erasure.person)
        emptied = _erase(erasure.person)
        audit.record(
            audit.Event.PERSON_ERASED,
            actor=actor,
            subject=None,
            person=str(erasure.person_id),
            reference=reference,
            **({"emptied": emptied} if emptied else {}),
        )
        return erasure


def is_erased(person: Person) -> bool:
    """Whether the person of this record was erased."""
    return person.erasures.filter(erased_at__isnull=False).exists()


def obstacle(person: Person) -> Reason | None:
    """Why the person cannot be erased (yet), or None."""
    if is_erased(person):
        return ERASED_ALREADY
    if person.state != PersonState.LOCKED:
        return NOT_LOCKED
    kept_until = locked_since(person) + timedelta(days=settings.ERASURE_DAYS)
    if kept_until > timezone.now():
        day = date_format(timezone.localtime(kept_until), "DATE_FORMAT")
        return Reason("too-early", TOO_EARLY % {"day": day})
    return UNDER_WAY_STILL if _has_something_alive(person) else None


def locked_since(person: Person) -> datetime:
    """Time at which the person was locked, by the audit log; else of the record's last change."""
    events = AuditEvent.objects.filter(person=person, name=audit.Event.PERSON_LOCKED).order_by("-at")
    last = events.values_list("at", flat=True).first()
    return last or person.updated_at


def _has_something_alive(person: Person) -> bool:
    ended = (CertificateState.REVOKED, CertificateState.EXPIRED, CertificateState.REFUSED)
    certificates = Certificate.objects.filter(token__person=person).exclude(state__in=ended)
    return (
        TokenRequest.objects.open().filter(person=person).exists()
        or SoftwareToken.objects.alive().filter(person=person).exists()
        or certificates.filter(Q(not_after=None) | Q(not_after__gt=timezone.now())).exists()
        or _has_surplus(person)
        or TokenRequest.objects.open().filter(recovery__owner=person).exists()
        or CaFinding.objects.filter(token_certificate__token__person=person, closed_at=None).exists()
        or Placement.objects.to_be_settled().filter(certificate__token__person=person).exists()
    )


def _has_surplus(person: Person) -> bool:
    """Whether a CA issued more than was used, and has not revoked it: nobody could once it is forgotten."""
    made = Certificate.objects.filter(token__person=person)
    keys = [key for certificate in made.only("orders_made") for key in certificate.order_keys]
    unrevoked = SurplusCertificate.objects.unrevoked().filter(order__idempotency_key__in=keys)
    return unrevoked.exclude(not_after__lte=timezone.now()).exists()


def _refuse_others(actor: Person, person: Person) -> None:
    registers = registration_policy.registers(actor, person)
    require(registers, else_=registration_policy.NOT_REGISTRATION_OFFICER, kind=NotAllowed)
    refuse(OWN_RECORD if actor.pk == person.pk else None, kind=NotAllowed)


def _locked(erasure_id: uuid.UUID) -> PersonErasure:
    """The erasure, with its person locked before it. Raises PersonErasure.DoesNotExist."""
    owner = locking.person(PersonErasure.objects.values_list("person_id", flat=True).get(pk=erasure_id))
    erasure = PersonErasure.objects.get(pk=erasure_id)
    erasure.person = owner
    return erasure


# --- Erasing ---------------------------------------------------------------------------------------
def _erase(person: Person) -> list[str]:
    """Erase what is known of the person; return the ids of events about others that were emptied."""
    anonymisation.unname_in_mails_to_others(person, instead=_name_of_nobody(person))
    emptied = _forget_what_was_issued(person)
    _forget_the_account(person)
    _forget_in_the_audit_log(person)
    _forget_in_directories(person)
    # A file may have named the person twice, or by who must not know of them.
    BatchLine.objects.of_nobody(person.personnel_number).update(personnel_number="")
    person.sign_in_codes.all().delete()
    person.roles.all().delete()
    person.saved_searches.all().delete()
    person.leaves.update(reason="")
    person.identity_changes.update(old={}, new={}, reason="")
    mails = anonymisation.about(person.pk)
    MailEvent.objects.filter(mail__in=mails).update(detail="")
    anonymisation.empty_mails(mails)
    _forget_the_record(person)
    return emptied


def _name_of_nobody(person: Person) -> str:
    return f"{NAME} {person.pk.hex[-6:]}"


def _forget_what_was_issued(person: Person) -> list[str]:
    for request in person.requests.all():
        anonymisation.empty_request(request)
    emptied = _forget_the_archive(person)
    for token in person.tokens.all():
        anonymisation.remove_containers(token)
        for certificate in token.certificates.all():
            anonymisation.empty_certificate(certificate)
    rows = Placement.objects.filter(certificate__token__person=person)
    rows.exclude(place="").update(place=FORGOTTEN, parcel_wrapped=None)
    rows.update(last_error="")
    return emptied


def _forget_in_directories(person: Person) -> None:
    """The link, what runs have read, and the groups: a later run would collect the data again.

    It ignores an inactive entry without a link, and adds an active one as a new person.
    """
    link = DirectoryLink.objects.filter(person=person).first()
    if link is not None:
        DirectoryRunLine.objects.filter(run__source=link.source_id, external_id=link.external_id).delete()
        _forget_in_scim(link)
        link.delete()
    DirectoryRunLine.objects.filter(person=person).delete()
    person.directory_memberships.all().delete()


def _forget_in_scim(link: DirectoryLink) -> None:
    """Delete the user that a SCIM client keeps, as if it had asked for it, and the member of its groups.

    Other sources have none.
    """
    now, kept = timezone.now(), locking.scim_resources().filter(source=link.source_id)
    with suppress(ValueError):
        users = kept.filter(pk=uuid.UUID(link.external_id))
        users.update(body={}, name_key="", external_key="", deleted_at=now, modified_at=now)
    for group in kept.filter(kind=ScimKind.GROUP, deleted_at=None).order_by("pk"):
        members = group.body.get("members") or []
        others = [each for each in members if each.get("value") != link.external_id]
        if len(others) < len(members):
            group.body, group.modified_at = group.body | {"members": others}, now
            group.version += 1
            group.save(update_fields=["body", "modified_at", "version"])


def _forget_the_archive(person: Person) -> list[str]:
    """Archived keys, the files of recoveries that somebody else got, and what was written about each case."""
    person.archived_keys.all().delete()
    recoveries = Recovery.objects.filter(Q(owner=person) | Q(request__person=person))
    for token in SoftwareToken.objects.filter(request__recovery__in=recoveries.values("pk")):
        anonymisation.remove_containers(token)
    emptied = _leave_plain_facts(AuditEvent.objects.filter(request__recovery__in=recoveries.values("pk")))
    recoveries.update(purpose="", reference="")
    TokenImportRow.objects.filter(person=person).delete()
    return emptied


def _leave_plain_facts(events: QuerySet[AuditEvent]) -> list[str]:
    """Remove personal facts; return the ids of the events that had some.

    The note of the erasure names them: the chain is verified by it, as nothing else of the event says who
    was erased.
    """
    emptied = []
    for event in events.iterator(chunk_size=500):
        AuditEvent.objects.filter(pk=event.pk).update(facts=event.plain_facts, facts_salt="")
        if event.personal_facts:
            emptied.append(str(event.pk))
    return emptied


def _forget_the_account(person: Person) -> None:
    account = Account.objects.filter(person=person).first()
    if account is None:
        return
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(account.pk):
            session.delete()
    for relation in Account._meta.related_objects:
        relation.related_model._default_manager.filter(**{relation.field.name: account}).delete()
    account.set_unusable_password()
    account.username, account.is_active = f"erased-{account.pk.hex[-12:]}", False
    account.save()


def _reference_in_the_log(person: Person) -> str:
    """The person's reference in the audit log, which the erasure event needs as a redaction note."""
    return person_references.references_of([person.pk])[person.pk]


def _forget_in_the_audit_log(person: Person) -> None:
    """Remove free texts and destroy the salt of the references. The hash chain stays valid."""
    events: QuerySet[AuditEvent] = AuditEvent.objects.filter(person=person)
    for event in events.iterator(chunk_size=500):
        AuditEvent.objects.filter(pk=event.pk).update(person=None, facts=event.plain_facts, facts_salt="")
    AuditEvent.objects.filter(actor=person).update(actor=None)
    AuditSalt.objects.filter(person=person).delete()


def _forget_the_record(person: Person) -> None:
    words = suggestions.words_of_names(Person.objects.filter(pk=person.pk))
    fields = (field for field in Person._meta.concrete_fields if field.name not in STAY_ON_THE_RECORD)
    Person.objects.filter(pk=person.pk).update(
        **{field.name: field.get_default() for field in fields},
        personnel_number=f"erased-{person.pk.hex[-12:]}",
        given_name=NAME,
        surname=NAME,
        display_name=_name_of_nobody(person),
        updated_at=timezone.now(),
    )
    Person.objects.filter(manager=person).update(manager=None)
    suggestions.forget_unused(Person.objects.all(), words)
    person_search.forget(connection)
