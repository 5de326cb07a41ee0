"""Until when what the embedded CA needs holds. No key is opened for it."""

from collections.abc import Sequence

from ca_bridge.connectors.embedded import authority, crls
from ca_bridge.connectors.embedded.authority import Authority
from ca_bridge.connectors.embedded.models import OcspSigner
from ca_bridge.contract_operation import ExpiringItem, ItemExpiry


def of(ca: Authority) -> Sequence[ItemExpiry]:
    """Of what issues now and stands above it, of each CRL, and of the OCSP signers that there are."""
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
