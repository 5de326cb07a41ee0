"""Verbs on recovery certificates: import, confirmation by two Recovery Officers, retirement.

A certificate is in force when two Recovery Officers, neither of whom imported it, have typed the fingerprint
that they noted at the ceremony. The confirmed content is sealed under a key from outside the database, so
that a database writer cannot put a certificate in force. Where that key is lost, two officers confirm anew.
"""

import hashlib
import json
import re
import uuid
from datetime import datetime

from cryptography import x509
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import envelopes, keys, recovery_keys
from ca_bridge.keys.recovery_keys import Document
from identity_manager import audit
from identity_manager.models import (
    Person,
    PersonState,
    RecoveryCertificate,
    RecoveryCertificateState,
    RecoveryKeyKind,
    RecoveryKeyWrapping,
    RecoveryShare,
    Role,
    SoftwareToken,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale, refuse, require
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import recovery_certificate_policy

S = RecoveryCertificateState
NOT_WAITING = Reason(
    "recovery-certificate-not-waiting",
    _("This recovery certificate does not wait for confirmation any more."),
)
OTHER_FINGERPRINT = Reason(
    "other-fingerprint",
    _(
        "This is not the fingerprint of the certificate that was brought in. Compare it with the one of the"
        " ceremony; where they differ, somebody has exchanged the certificate."
    ),
)
RECORD_CHANGED = Reason(
    "recovery-certificate-record-changed",
    _(
        "The record of this recovery certificate does not say what the certificate says: somebody has changed"
        " it in the database."
    ),
)
RETIRED_ALREADY = Reason("retired-already", _("This recovery certificate is retired already."))
THERE_ALREADY = Reason("recovery-certificate-there", _("This recovery certificate was brought in already."))
OLDER_OFFICERS = Reason(
    "older-officers", _("This document names former officers: a later one was brought in already.")
)
UNKNOWN_HOLDER = _("No Active person has the personnel number %(number)s, which the document names.")
NOT_AN_OFFICER = _("%(person)s holds a share and is no Recovery Officer.")


def bring_in(*, actor: Person, content: bytes) -> RecoveryCertificate:
    """Import the document of a ceremony: a new recovery certificate, or new share holders of a known one.

    Raises NotAllowed, NotPossible with the fault of the document, or Stale.
    """
    with transaction.atomic():
        require(
            recovery_certificate_policy.may_bring_in(actor),
            else_=recovery_certificate_policy.NOT_TO_BRING_IN,
            kind=NotAllowed,
        )
        try:
            document = recovery_keys.read(content, now=timezone.now())
        except KeyArchiveError as error:
            raise NotPossible(Reason(error.code, error.message), field="document") from error
        officers = _officers_of(document)
        there = RecoveryCertificate.objects.filter(fingerprint=document.fingerprint).values_list(
            "pk", flat=True
        )
        if there:
            return _change_officers(actor, there[0], document=document, officers=officers)
        return _bring_in(actor, document, officers)


def _bring_in(actor: Person, document: Document, officers: list[Person]) -> RecoveryCertificate:
    kind = RecoveryKeyKind.HSM if document.token else RecoveryKeyKind.OFFICERS
    certificate = _row(document.certificate, kind=kind, transport=document.transport)
    certificate.imported_by = actor
    certificate.save()
    _add_wrapping(certificate, document, officers)
    audit.record(
        audit.Event.RECOVERY_CERTIFICATE_BROUGHT_IN, actor=actor, subject=None, **_facts(certificate)
    )
    return certificate


def _change_officers(
    actor: Person, pk: uuid.UUID, *, document: Document, officers: list[Person]
) -> RecoveryCertificate:
    """Replace the share holders. No confirmation: the recovery key itself has signed the document."""
    certificate = locking.recovery_certificate(pk)
    require(certificate.state != S.RETIRED, else_=RETIRED_ALREADY, kind=Stale)
    present = certificate.wrappings.get(erased_at=None)
    require(document.number != present.number, else_=THERE_ALREADY, field="document")
    require(document.number > present.number, else_=OLDER_OFFICERS, field="document")

    present.content, present.erased_at = None, timezone.now()
    present.save()
    _add_wrapping(certificate, document, officers)
    audit.record(audit.Event.RECOVERY_OFFICERS_CHANGED, actor=actor, subject=None, **_facts(certificate))
    return certificate


def make_online(*, name: str, bits: int, days: int) -> RecoveryCertificate:
    """Make an online recovery key, which workers hold, by the operator of the machine.

    Raises KeyArchiveError for a size that is not allowed, VaultError if this process lacks the ring.
    """
    private, content = recovery_keys.make(name, bits=bits, days=days)
    with transaction.atomic():
        certificate = _row(content, kind=RecoveryKeyKind.ONLINE, transport=envelopes.TRANSPORTS[0])
        wrapped = vault.wrap(
            keys.to_pkcs8(private), purpose=vault.Purpose.RECOVERY_KEYS, record=certificate.pk
        )
        certificate.save()
        RecoveryKeyWrapping.objects.create(certificate=certificate, content=wrapped)
        audit.record(
            audit.Event.RECOVERY_CERTIFICATE_BROUGHT_IN, actor=None, subject=None, **_facts(certificate)
        )
        return certificate


def confirm(*, actor: Person, certificate_id: uuid.UUID, fingerprint: str) -> RecoveryCertificate:
    """Confirm a certificate by its fingerprint, by a Recovery Officer; the second one puts it in force.

    One whose seal no key of this process opens is confirmed anew (is_to_be_confirmed_anew).
    Raises NotAllowed, NotPossible at the field fingerprint, or Stale.
    """
    with transaction.atomic():
        certificate = locking.recovery_certificate(certificate_id)
        anew = is_to_be_confirmed_anew(certificate)
        refuse(
            recovery_certificate_policy.confirmation_obstacle(actor, certificate, anew=anew), kind=NotAllowed
        )
        require(anew or certificate.state == S.IMPORTED, else_=NOT_WAITING, kind=Stale)
        content, now = certificate.certificate, timezone.now()
        typed = re.sub(r"[^0-9a-f]", "", fingerprint.lower())
        require(typed == _sha256(content), else_=OTHER_FINGERPRINT, field="fingerprint")
        # One that was fit once may have ended since: it still opens what is archived for it.
        _check_fitness(certificate, now=now if certificate.seal is None else None)

        if anew:
            certificate.confirm_anew()
        if certificate.first_by_id is None:
            certificate.first_by, certificate.first_at = actor, now
        else:
            certificate.put_in_force(by=actor, seal=b"-", now=now)
            certificate.seal = _sealed(certificate)
        certificate.save()
        facts = _facts(certificate)
        if certificate.state == S.IN_FORCE:
            audit.record(audit.Event.RECOVERY_CERTIFICATE_IN_FORCE, actor=actor, subject=None, **facts)
            waiting = SoftwareToken.objects.put_off_with_keys_to_archive()
            waiting.update(next_attempt_at=now, nudged_at=None)  # due at once, for the sweep
        else:
            audit.record(audit.Event.RECOVERY_CERTIFICATE_CONFIRMED, actor=actor, subject=None, **facts)
        return certificate


def retire(*, actor: Person, certificate_id: uuid.UUID) -> RecoveryCertificate:
    """Retire a certificate: no key is sealed for it any more. Raises NotAllowed or Stale."""
    with transaction.atomic():
        certificate = locking.recovery_certificate(certificate_id)
        require(
            recovery_certificate_policy.is_recovery_officer(actor),
            else_=recovery_certificate_policy.NOT_RECOVERY_OFFICER,
            kind=NotAllowed,
        )
        require(certificate.state != S.RETIRED, else_=RETIRED_ALREADY, kind=Stale)

        certificate.retire(by=actor, keys=certificate.keys.count(), now=timezone.now())
        certificate.save()
        audit.record(
            audit.Event.RECOVERY_CERTIFICATE_RETIRED, actor=actor, subject=None, **_facts(certificate)
        )
        return certificate


def is_as_confirmed(certificate: RecoveryCertificate) -> bool:
    """Whether the row is unchanged since two officers confirmed it; False if this process lacks the ring."""
    if certificate.seal is None or not vault.holds(vault.Purpose.OTHER):
        return False
    try:
        confirmed = vault.unwrap(certificate.seal, purpose=vault.Purpose.OTHER, record=certificate.pk)
    except vault.VaultError:
        return False
    return confirmed == _confirmed(certificate)


def lost_seal_key(certificate: RecoveryCertificate) -> str:
    """The version of the key that sealed the confirmation, where the ring is here without it; else empty."""
    if certificate.seal is None or not vault.holds(vault.Purpose.OTHER):
        return ""
    try:
        version = vault.version_of(certificate.seal)
    except vault.VaultError:
        return ""
    return "" if vault.holds(vault.Purpose.OTHER, version) else version


def is_to_be_confirmed_anew(certificate: RecoveryCertificate) -> bool:
    """Whether it was confirmed, keys are sealed for it or may be, and the key of its own seal is lost."""
    needed = certificate.state == S.IN_FORCE or (certificate.state == S.RETIRED and certificate.keys.exists())
    return needed and lost_seal_key(certificate) != ""


def _sealed(certificate: RecoveryCertificate) -> bytes:
    return vault.wrap(_confirmed(certificate), purpose=vault.Purpose.OTHER, record=certificate.pk)


def _confirmed(certificate: RecoveryCertificate) -> bytes:
    content = {
        "certificate": _sha256(certificate.certificate),
        "kind": certificate.kind,
        "transport": certificate.transport,
        "not_after": certificate.not_after.isoformat(),
        "by": [str(certificate.imported_by_id), str(certificate.first_by_id), str(certificate.second_by_id)],
    }
    return json.dumps(content, sort_keys=True).encode("ascii")


def _check_fitness(certificate: RecoveryCertificate, *, now: datetime | None) -> None:
    """now: None for a certificate that may have ended."""
    try:
        loaded = recovery_keys.check_certificate(certificate.certificate, now=now)
    except KeyArchiveError as error:
        raise NotPossible(Reason(error.code, error.message)) from error
    require(loaded.not_valid_after_utc == certificate.not_after, else_=RECORD_CHANGED)


def _row(content: bytes, *, kind: RecoveryKeyKind, transport: str) -> RecoveryCertificate:
    loaded = x509.load_der_x509_certificate(content)
    name = loaded.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    return RecoveryCertificate(
        kind=kind,
        name=str(name[0].value)[:100] if name else loaded.subject.rfc4514_string()[:100],
        certificate=content,
        fingerprint=_sha256(content),
        key_id=envelopes.key_id(content).hex(),
        transport=transport,
        not_after=loaded.not_valid_after_utc,
    )


def _add_wrapping(certificate: RecoveryCertificate, document: Document, officers: list[Person]) -> None:
    wrapping = RecoveryKeyWrapping.objects.create(
        certificate=certificate,
        number=document.number,
        content=document.to_json(),
        identifier=document.identifier,
        needed=document.needed,
    )
    for number, officer in enumerate(officers, 1):
        RecoveryShare.objects.create(wrapping=wrapping, officer=officer, number=number)


def _officers_of(document: Document) -> list[Person]:
    """Find the share holders, whom the document names by personnel number. Raises NotPossible."""
    found = Person.objects.filter(personnel_number__in=document.holders).prefetch_related("roles")
    persons = {person.personnel_number: person for person in found}
    officers = []
    for number in document.holders:
        person = persons.get(number)
        if person is None or person.state != PersonState.ACTIVE:
            reason = Reason("unknown-share-holder", UNKNOWN_HOLDER % {"number": number})
            raise NotPossible(reason, field="document")
        if not person.has_role(Role.RECOVERY_OFFICER):
            reason = Reason("share-holder-without-role", NOT_AN_OFFICER % {"person": person.display_name})
            raise NotPossible(reason, field="document")
        officers.append(person)
    return officers


def _facts(certificate: RecoveryCertificate) -> dict[str, str]:
    return {"certificate": str(certificate.pk), "fingerprint": certificate.fingerprint}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
