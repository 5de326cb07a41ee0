"""CRL lookup: whether published CRLs list revoked certificates (*on the CRL since*), or why it is unknown.

A CA may publish its next CRL hours after a revocation; until then relying parties accept the certificate. So
the CRL is fetched, verified, and searched for the serial number.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence

from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from ca_bridge.connection import crl_lookup
from ca_bridge.connection.crl_lookup import CrlReader
from ca_bridge.x509.crl import CrlError, RevocationList
from identity_manager.models import Certificate, IssuerCrl
from identity_manager.models.requests.certificate import CertificateQuerySet

Source = tuple[str, str]  # the connection, and the issuer's name


def to_be_looked_up() -> CertificateQuerySet:
    """Revoked certificates that no CRL lists yet, of issuers whose CRL may be read again.

    Two connections may lead to issuers of one name.
    """
    now = timezone.now()
    rows = Certificate.objects.not_on_crl(now)
    for crl in IssuerCrl.objects.all():
        if not crl.is_due(now):
            of_ca = Q(imported__ca=crl.ca) | Q(imported=None, profile__ca=crl.ca)
            rows = rows.exclude(of_ca, issuer=crl.issuer)
    return rows


class CrlLookup:
    """One run over revoked certificates: each CRL is read once."""

    def __init__(self) -> None:
        self._reader = CrlReader()

    def look_up(self, ids: Collection[uuid.UUID]) -> int:
        """Store which of these are on their CRL; return how many. Call it outside any transaction."""
        found: dict[Source, RevocationList | CrlError] = {}
        listed: dict[RevocationList, list[Certificate]] = defaultdict(list)
        for row in _rows(ids):
            source = (row.ca, row.issuer)
            try:
                crl = self._reader.of(ca=row.ca, certificate=row.certificate or b"", chain=row.chain)
            except CrlError as error:
                found.setdefault(source, error)
                continue
            found[source] = crl
            if int(row.serial, 16) in crl.serials:
                listed[crl].append(row)
        with transaction.atomic():
            for source, outcome in found.items():
                _note(source, outcome)
            return sum(_mark(crl, rows) for crl, rows in listed.items())


def _rows(ids: Collection[uuid.UUID]) -> Sequence[Certificate]:
    rows = Certificate.objects.filter(pk__in=ids, certificate__isnull=False)
    rows = rows.select_related("profile", "order", "imported")
    return list(
        rows.only(
            *("state", "issuer", "serial", "certificate", "revoked_at", "imported__ca"),
            *("profile__state", "profile__ca", "order__state", "order__chain_base64"),
        )
    )


def _note(source: Source, outcome: RevocationList | CrlError) -> None:
    ca, issuer = source
    values: dict[str, object] = {"looked_at": timezone.now(), "is_local": crl_lookup.is_local(ca)}
    if isinstance(outcome, CrlError):
        values |= {"fault": outcome.fault.value, "detail": outcome.detail}
    else:
        values |= {"fault": "", "detail": ""}
        values |= {"this_update": outcome.this_update, "next_update": outcome.next_update}
    IssuerCrl.objects.update_or_create(ca=ca, issuer=issuer, defaults=values)


def _mark(crl: RevocationList, rows: Sequence[Certificate]) -> int:
    """Store the time of listing: thisUpdate of the CRL, but not before the CA's revocation."""
    unmarked = Certificate.objects.filter(pk__in=[row.pk for row in rows], on_crl_at=None)
    return unmarked.update(on_crl_at=Greatest("revoked_at", Value(crl.this_update)))
