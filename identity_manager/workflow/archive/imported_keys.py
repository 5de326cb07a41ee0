"""Archive intake of imported keys: sealed for the recovery certificates that the person's terms allow.

Until a person has accepted terms that name archiving, their imported keys are sealed only for recovery
certificates of officers or of an HSM, so that two Recovery Officers are needed to open them.
"""

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.keys.keys import PrivateKey
from identity_manager.catalogue import archiving
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    Certificate,
    RecoveryCertificate,
    RecoveryKeyKind,
    SoftwareToken,
    TermsAcceptance,
)
from identity_manager.transactions.refusals import Reason, require
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import intake, recovery_certificates

NONE_FOR_IMPORTS = Reason(
    "no-recovery-certificate-for-imports",
    _(
        "Keys are to be archived, and no recovery certificate of officers or of an HSM is in force. Until a"
        " person has accepted terms that name archiving, an online recovery key does not get their keys."
    ),
)


def store(given: Iterable[tuple[Certificate, PrivateKey]]) -> list[AuditEvent]:
    """Seal and save these keys, in the caller's transaction; return the audit events.

    Raises NotPossible if one of them cannot be archived now.
    """
    require(vault.holds(vault.Purpose.ARCHIVE), else_=intake.NO_RING)
    prepared: list[tuple[SoftwareToken, intake.Intake]] = []
    for certificate, key in given:
        present = _recipients(certificate)
        row = intake.sealed(certificate, key, present)
        prepared.append((certificate.token, intake.Intake((row,), tuple(each.pk for each in present))))
    return intake.store(prepared)


def _recipients(certificate: Certificate) -> list[RecoveryCertificate]:
    """The recovery certificates for which this certificate's key is sealed. Raises NotPossible for none."""
    present = RecoveryCertificate.objects.in_force(timezone.now())
    if not _person_knows(certificate):
        present = present.exclude(kind=RecoveryKeyKind.ONLINE)
    require(present, else_=NONE_FOR_IMPORTS)
    require(all(map(recovery_certificates.is_as_confirmed, present)), else_=intake.NOT_AS_CONFIRMED)
    return list(present)


def for_officers_alone(row: ArchivedKey) -> bool:
    """Whether the archived key was imported, and its person's terms do not let one person open it."""
    certificate = row.certificate
    is_imported = certificate is not None and hasattr(certificate, "imported")
    return certificate is not None and is_imported and not _person_knows(certificate)


def _person_knows(certificate: Certificate) -> bool:
    """Whether the terms that the person accepted last name the archiving of such a key."""
    accepted = TermsAcceptance.objects.filter(
        person_id=certificate.token.person_id,
        text__version__document=certificate.token.required_type.terms_id,
    )
    latest = accepted.order_by("-accepted_at").values_list("text__version__names_archiving", flat=True)
    said = latest.first()
    return said is not None and archiving.are_named(said, [certificate.profile])
