"""CRLs of the embedded CA: one row per issuer, replaced by compare-and-swap on its number."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import serialization
from django.utils import timezone

from ca_bridge.connectors.embedded import wire
from ca_bridge.connectors.embedded.models import Crl, IssuedCertificate
from ca_bridge.connectors.embedded.wire import Revoked, Signer, ValidityPeriod
from ca_bridge.contract import RevocationReason
from ca_bridge.errors import CaError

LIFETIME = timedelta(days=7)
RENEWAL = timedelta(days=1)
# A CRL from the future is none: for clients whose clocks are slow, and a host of ours whose clock is fast.
BACKDATING = timedelta(minutes=10)
_MAX_TRIES = 100


def renew(ca: str, signer: Signer, lifetime: timedelta = LIFETIME) -> bytes:
    """Sign a CRL with all present revocations, store it and return it (DER).

    Of two concurrent renewals the second one finds the number changed, reads and signs again. So no CRL lacks
    a revocation that was committed before the call, and no lock is held while signing.
    """
    row, _created = Crl.objects.get_or_create(ca=ca, issuer=signer.issuer)
    for _try in range(_MAX_TRIES):
        seen = row.number
        now = timezone.now().replace(microsecond=0)
        number = max(seen + 1, int(now.timestamp()))  # by the clock: it grows even over a restored backup
        period = ValidityPeriod(now - BACKDATING, now - BACKDATING + lifetime)
        signed = wire.crl(signer, number=number, period=period, entries=_revoked(row, now))
        der = signed.public_bytes(serialization.Encoding.DER)
        values = {"number": number, "der": der, "this_update": now, "next_update": period.end}
        if Crl.objects.filter(pk=row.pk, number=seen).update(**values):
            return der
        row.refresh_from_db()
    raise CaError("The CRL is being renewed by too many at once.", f"{ca} {signer.issuer}")


def _revoked(last: Crl, now: datetime) -> Iterator[Revoked]:
    """The entries: each stays one CRL longer than its certificate is valid (RFC 5280 3.3), at least a week.

    last: the time of the CRL before, which may be a year ago for a root whose key is offline.
    """
    ended = min(now - LIFETIME, (last.this_update or now) - BACKDATING)
    rows = IssuedCertificate.objects.filter(ca=last.ca, revoked_at__isnull=False, not_after__gt=ended)
    narrow = rows.filter(issuer=last.issuer).order_by("revoked_at", "pk")
    for serial, at, reason in narrow.values_list("serial_hex", "revoked_at", "reason").iterator():
        if at is not None:
            yield Revoked(int(serial, 16), at, RevocationReason(reason))


def present(ca: str, issuer: str) -> Crl | None:
    """The present CRL; None where none was signed yet."""
    return Crl.objects.filter(ca=ca, issuer=issuer, number__gt=0).first()


def end(ca: str, issuer: str) -> datetime | None:
    """Expiry of the present CRL (nextUpdate); None without one."""
    crl = present(ca, issuer)
    return crl.next_update if crl else None


def is_due(crl: Crl | None) -> bool:
    """Whether a new CRL is due: daily, so that a day of outage does no harm."""
    return crl is None or crl.this_update is None or timezone.now() - crl.this_update >= RENEWAL
