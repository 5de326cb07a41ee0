"""Due maintenance of the embedded CA, and expiry dates. No key is opened for it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from django.utils import timezone

from ca_bridge.connectors.embedded import authority, crls, key_store, rollover
from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.models import Crl, OcspSigner
from ca_bridge.connectors.embedded.paths import ROOT
from ca_bridge.contract_operation import DueMaintenance, ExpiringItem, ItemExpiry, MaintenanceNeed

ROLLED_BEFORE = timedelta(days=730)  # the longest validity of certificates of persons
ROOT_CRL_BEFORE = timedelta(days=30)
ROOT_CRL_MISSING = DueMaintenance(MaintenanceNeed.ROOT_CRL_MISSING)


def of(ca: Authority) -> Sequence[DueMaintenance]:
    """Due tasks: a new issuing CA, CRLs of a root that is offline, keys that lie where they need not."""
    ends = ca.certificate(ca.newest).not_valid_after_utc
    found = (
        [DueMaintenance(MaintenanceNeed.ROLL_OVER, ends.date())]
        if ends < timezone.now() + ROLLED_BEFORE
        else []
    )
    return [*found, *_root_crl(ca), *_keys(ca)]


def expiries(ca: Authority) -> Sequence[ItemExpiry]:
    """Expiry of the issuing CA and those above it, of each CRL, and of the OCSP signers."""
    name, issuers = ca.options.name, ca.issuers()
    stems = {each: authority.published_stem(ca.options, each) for each in issuers}
    signers = OcspSigner.objects.filter(ca=name, issuer__in=issuers)
    return [
        *(
            ItemExpiry(ExpiringItem.CERTIFICATE, each.subject.rfc4514_string(), each.not_valid_after_utc)
            for each in ca.path(ca.newest)
        ),
        *(ItemExpiry(ExpiringItem.CRL, stem, crls.end(name, each)) for each, stem in stems.items()),
        *(ItemExpiry(ExpiringItem.OCSP_SIGNER, stems[each.issuer], each.not_after) for each in signers),
    ]


def _root_crl(ca: Authority) -> Iterator[DueMaintenance]:
    crl = crls.present(ca.options.name, ROOT)
    if crl is None or crl.next_update is None:
        if not ca.keys.holds(ROOT):
            yield ROOT_CRL_MISSING
    elif crl.next_update < timezone.now() + ROOT_CRL_BEFORE and _is_signed_by_hand(ca, crl):
        yield DueMaintenance(MaintenanceNeed.ROOT_CRL, crl.next_update.date())


def _is_signed_by_hand(ca: Authority, crl: Crl) -> bool:
    """Whether a command signed the CRL, judged by its validity: the root's key may be invisible here."""
    if ca.options.signs:
        return not ca.keys.holds(ROOT)
    if crl.next_update is None or crl.this_update is None:
        return False
    return crl.next_update - crl.this_update > crls.LIFETIME


def _keys(ca: Authority) -> Iterator[DueMaintenance]:
    """Warnings about keys, for an installation whose root key is elsewhere (root_key_file)."""
    if not ca.options.signs:
        return
    if ca.options.root_key_file and rollover.root_key_file(ca.options):
        yield DueMaintenance(MaintenanceNeed.ROOT_KEY_HERE)
    if ca.options.ocsp_passphrase_file and not key_store.has_ocsp_passphrase(ca.options):
        yield DueMaintenance(MaintenanceNeed.OCSP_SIGNERS)
