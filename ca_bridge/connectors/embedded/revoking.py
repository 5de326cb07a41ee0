"""Revocations in the register of the embedded CA, several in one transaction."""

from collections.abc import Sequence
from contextlib import suppress

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ca_bridge.connectors.embedded import register
from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.issued_files import IssuedFiles
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError

HOLD = RevocationReason.CERTIFICATE_HOLD


def enter(
    ca: Authority, files: IssuedFiles, wanted: Sequence[tuple[bytes, RevocationReason]]
) -> tuple[list[RevocationOutcome | CaError], list[str]]:
    """Mark these as revoked; return the outcome of each, and the issuers whose CRLs are to be signed anew."""
    known = _rows(ca, [certificate for certificate, _reason in wanted])
    found = [known.get(certificate) or _own(ca, files, certificate) for certificate, _reason in wanted]
    pairs = zip(found, (reason for _certificate, reason in wanted), strict=True)
    rows = [(row, reason) for row, reason in pairs if not isinstance(row, CaError)]
    changed = set[int]()
    with transaction.atomic():
        for reason in dict.fromkeys(reason for _row, reason in rows):
            changed |= _mark([row.pk for row, each in rows if each == reason], reason)
    outcomes: list[RevocationOutcome | CaError] = [
        row
        if isinstance(row, CaError)
        else RevocationOutcome.REVOKED
        if row.pk in changed
        else RevocationOutcome.ALREADY_REVOKED
        for row in found
    ]
    return outcomes, list(dict.fromkeys(row.issuer for row, _reason in rows))


def _rows(ca: Authority, certificates: Sequence[bytes]) -> dict[bytes, IssuedCertificate]:
    """Rows of the register by certificate: one statement for all."""
    serials = set[str]()
    for certificate in certificates:
        with suppress(CaError):
            serials.add(register.serial_hex(certificate))
    rows = IssuedCertificate.objects.filter(ca=ca.options.name, serial_hex__in=serials)
    return {bytes(row.certificate): row for row in rows}


def _own(ca: Authority, files: IssuedFiles, certificate: bytes) -> IssuedCertificate | CaError:
    try:
        return register.own(ca, files, certificate)
    except CaError as error:
        return error


def _mark(keys: Sequence[int], reason: RevocationReason) -> set[int]:
    """Return the keys of those that were not revoked before. A hold can become a revocation."""
    open_rows = Q(revoked_at=None) if reason is HOLD else Q(revoked_at=None) | Q(reason=HOLD)
    rows = IssuedCertificate.objects.filter(open_rows, pk__in=keys)
    found = set(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
    rows.update(revoked_at=timezone.now().replace(microsecond=0), reason=reason)
    return found
