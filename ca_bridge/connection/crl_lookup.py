"""The present CRL of a certificate's issuer: from its connector, or by HTTP from the certificate's CDP.

Called outside any transaction: it waits for other servers.
"""

import http.client
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ImproperlyConfigured

from ca_bridge import outgoing
from ca_bridge.connection import registry
from ca_bridge.connection.exception_boundary import connector_edge
from ca_bridge.connection.http import TimelyResponse
from ca_bridge.contract import Connector, PresentsCrl
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.x509 import certificates, crl
from ca_bridge.x509.crl import CrlError, CrlFault, RevocationList

SECONDS = 10  # for one CRL, from the first octet to the last
MOST_OCTETS = 64 * 1024 * 1024  # more than a million entries


def is_local(ca: str) -> bool:
    """Whether the CRLs of this CA are read without the network."""
    try:
        return isinstance(registry.connector(ca), PresentsCrl)
    except (CaError, ImproperlyConfigured):
        return False


class CrlReader:
    """Reads and verifies each CRL once, so one of these serves one run of a job."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], RevocationList | CrlError] = {}

    def of(self, *, ca: str, certificate: bytes, chain: Sequence[bytes]) -> RevocationList:
        """The verified CRL of the certificate's issuer. Raises CrlError.

        chain: the issuers (DER) that its CA gave with the certificate, which were verified then.
        """
        connector = _connector(ca)
        try:
            found = certificates.load(certificate)
            trusted = [certificates.load(each) for each in {*connector.chain(), *chain}]
        except CaError as error:
            raise CrlError(CrlFault.UNREACHABLE, error.words) from error
        issuers = [each for each in trusted if each.subject == found.issuer]
        addresses = () if isinstance(connector, PresentsCrl) else crl.addresses(found)
        key = (ca, found.issuer, addresses, frozenset(each.public_bytes(Encoding.DER) for each in issuers))
        if key not in self._known:
            self._known[key] = _read(connector, found, addresses, issuers)
        known = self._known[key]
        if isinstance(known, CrlError):
            raise known
        return known


def _connector(ca: str) -> Connector:
    if not ca or ca not in registry.aliases():
        raise CrlError(CrlFault.NOT_CONNECTED)
    try:
        return registry.reached(ca)
    except (CaError, ImproperlyConfigured) as error:
        raise CrlError(CrlFault.NOT_CONNECTED, str(error)) from error


def _read(
    connector: Connector,
    certificate: x509.Certificate,
    addresses: Sequence[str],
    issuers: Sequence[x509.Certificate],
) -> RevocationList | CrlError:
    """The first verified CRL among the addresses, else the last error."""
    sources = [partial(fetch, each) for each in addresses]
    if isinstance(connector, PresentsCrl):
        sources = [partial(_presented, connector, certificate.public_bytes(Encoding.DER))]
    fault = CrlError(CrlFault.NO_ADDRESS)
    for source in sources:
        try:
            return crl.verified(source(), of=certificate, issuers=issuers)
        except CrlError as error:
            fault = error
    return fault


def _presented(connector: PresentsCrl, certificate: bytes) -> bytes:
    """Raises CrlError."""
    try:
        with connector_edge():
            return connector.present_crl(certificate)
    except (CaError, InDoubtError) as error:
        raise CrlError(CrlFault.UNREACHABLE, str(error)) from error


def fetch(url: str) -> bytes:
    """GET a distribution point, at most MOST_OCTETS in SECONDS; no redirects. Raises CrlError."""
    try:
        with closing(outgoing.connect(url, seconds=SECONDS)) as connection:
            connection.response_class = TimelyResponse
            parts = urlsplit(url)
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request(
                "GET", target, headers={"Accept": "application/pkix-crl", "Connection": "close"}
            )
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise CrlError(CrlFault.UNREACHABLE, f"{url} answered {response.status}")
            content = response.read(MOST_OCTETS + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CrlError(CrlFault.UNREACHABLE, f"{url}: {type(error).__name__}") from error
    if len(content) > MOST_OCTETS:
        raise CrlError(CrlFault.TOO_LARGE, url)
    return content
