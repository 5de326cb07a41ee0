"""What the bridge and every connector agree on: the order, its answers, and what a connector can do.

What a CA can do that this installation runs itself stands in contract_operation.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, Self, runtime_checkable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _

from ca_bridge import health_findings
from ca_bridge.errors import storable_text
from ca_bridge.health_findings import HealthDetail, HealthFinding


class KeyAlgorithm(StrEnum):
    """The keys that persons get. Ed25519 is left out: NSS and gpgsm cannot import it."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"


class RevocationReason(StrEnum):
    """CRLReason of RFC 5280 5.3.1, as far as it is used for persons."""

    UNSPECIFIED = "unspecified"
    KEY_COMPROMISE = "keyCompromise"
    AFFILIATION_CHANGED = "affiliationChanged"
    SUPERSEDED = "superseded"
    CESSATION_OF_OPERATION = "cessationOfOperation"
    CERTIFICATE_HOLD = "certificateHold"
    PRIVILEGE_WITHDRAWN = "privilegeWithdrawn"

    @property
    def number(self) -> int:
        """The number of RFC 5280 5.3.1."""
        return _CRL_REASONS[self]


_CRL_REASONS = dict(zip(RevocationReason, (0, 1, 3, 4, 5, 6, 9), strict=True))

# The bits of RFC 5280 4.2.1.3 that a person's certificate may have; keyCertSign and cRLSign belong to CAs.
KEY_USAGES = ("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement")
UPN = "1.3.6.1.4.1.311.20.2.3"  # the otherName of a user principal name, which the kind upn stands for


@dataclass(frozen=True, slots=True)
class CertificateContent:
    """What a certificate is to say, as it was approved.

    subject: attribute name (commonName, givenName, ...) and value, in the order of the DN.
    subject_alt_names: kind (email, upn, uri) and value.
    key_usage: names of RFC 5280 4.2.1.3 (digitalSignature, nonRepudiation, ...).
    extended_key_usage and policies: dotted object identifiers.
    sid: the person's security identifier for Windows strong mapping, or none.
    """

    subject: tuple[tuple[str, str], ...]
    subject_alt_names: tuple[tuple[str, str], ...]
    key_usage: tuple[str, ...]
    extended_key_usage: tuple[str, ...]
    policies: tuple[str, ...] = ()
    sid: str | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the content that dataclasses.asdict wrote and JSON kept."""
        return cls(
            subject=tuple((name, value) for name, value in stored["subject"]),
            subject_alt_names=tuple((kind, value) for kind, value in stored["subject_alt_names"]),
            key_usage=tuple(stored["key_usage"]),
            extended_key_usage=tuple(stored["extended_key_usage"]),
            policies=tuple(stored["policies"]),
            sid=stored["sid"],
        )


@dataclass(frozen=True, slots=True)
class CertificateOrder:
    """One certificate, asked of one CA.

    idempotency_key is written down before the CA is asked and stays the same at each try;
    csr is the DER of a PKCS#10 request (RFC 2986) signed by the key that the certificate is for; it
    carries the whole content too: the subject, and the extensions as an extensionRequest.
    """

    idempotency_key: str
    csr: bytes
    content: CertificateContent
    ca_profile: str
    not_before: datetime
    not_after: datetime

    @property
    def csr_pem(self) -> str:
        """The request as most CAs want it."""
        return x509.load_der_x509_csr(self.csr).public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True, slots=True)
class Issued:
    """The certificate (DER) and its issuers (DER, nearest first, the root not included)."""

    certificate: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """The CA decides later; ask again with the handle, not before the time."""

    handle: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """The CA said no for good: a sentence for people and a detail for operators."""

    message: str
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", storable_text(self.detail))

    @classmethod
    def request(cls, detail: str) -> Self:
        """Return what most CAs say no to: the request as it stands."""
        return cls(_("The certificate authority refused the request."), detail)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Asked, and no answer that can be believed: the CA may or may not have issued."""

    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", storable_text(self.detail))


Answer = Issued | Pending | Refused | Unknown


class RevocationOutcome(StrEnum):
    """What came of a revocation."""

    REVOKED = "revoked"
    ALREADY_REVOKED = "already revoked"
    PENDING = "pending"
    UNSUPPORTED = "unsupported"


class ConnectionFault(StrEnum):
    """What stands between us and a CA, as far as it has a name. In words: ca_bridge.connection.faults."""

    DNS = "dns"
    REFUSED = "refused"
    NO_ROUTE = "no-route"
    TIME_OUT = "time-out"
    CLOSED = "closed"
    TLS_NAME = "tls-name"
    TLS_TRUST = "tls-trust"
    TLS_EXPIRED = "tls-expired"
    TLS_CLIENT = "tls-client"
    TLS = "tls"
    CREDENTIALS = "credentials"
    PROFILE = "profile"
    SEALED = "sealed"
    ADDRESS = "address"
    BUSY = "busy"
    PROXY = "proxy"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the CA answers now, and a sentence for operators; fault: where a connector knows its name.

    found: what the sentence says, to be told in any language; empty where it is what the CA said.
    """

    ok: bool
    detail: str
    fault: ConnectionFault | None = None
    found: Sequence[HealthDetail] = ()

    @classmethod
    def healthy(cls, finding: HealthFinding, **values: str) -> Self:
        """It answers, and this is what it has."""
        found = HealthDetail(finding, values)
        return cls(ok=True, detail=health_findings.in_english(found), found=(found,))

    @classmethod
    def unhealthy(cls, *found: HealthDetail, fault: ConnectionFault | None = None) -> Self:
        """It does not answer as it has to."""
        return cls(ok=False, detail=health_findings.in_english(*found), fault=fault, found=found)


@runtime_checkable
class Connector(Protocol):
    """The road to one CA. Every method may raise CaError; a passing fault has permanent=False.

    Called outside any transaction; may be called again after any crash, with the same order.
    issue() raises a passing fault only where the CA has surely not issued; where it may have, it
    answers Unknown. A connector's class has an attribute `Options`, a dataclass that takes and
    validates the OPTIONS of its settings, and is made with an instance of it, without asking the CA.
    `revokes = False` on the class says that its protocol has no revocation: UNSUPPORTED, or ALREADY_REVOKED
    where it can see that the CA's people have done it. `fetch_orders = True` says that its fetch() is an
    order once more, so that after a lost answer it is in doubt as issue() is.
    `finds_by_number = True` says that what its searches name was issued under the idempotency key, whatever
    key it has; elsewhere a search may name what others have asked for.
    One instance serves all threads.
    """

    def issue(self, order: CertificateOrder) -> Answer: ...

    def fetch(self, order: CertificateOrder, handle: str) -> Answer: ...

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome: ...

    def chain(self) -> Sequence[bytes]:
        """Return the issuers (DER) that answers must lead to: issuing CA first, root last.

        From configuration or memory, never from the network: answers are verified inside a transaction.
        """
        ...

    def health(self) -> Health: ...


@runtime_checkable
class FindsOrders(Protocol):
    """Optional: the CA can be searched for what it issued under an idempotency key or public key."""

    def find(self, order: CertificateOrder) -> Issued | None: ...


@runtime_checkable
class FindsAll(Protocol):
    """Optional: everything (DER) that the CA has issued under an idempotency key or public key.

    find() names the one to use; what is beside it is revoked when the journal is compared with the CA.
    """

    def find_all(self, order: CertificateOrder) -> Sequence[bytes]: ...


@runtime_checkable
class Drafts(Protocol):
    """Optional: the connector shows what it would sign, signed with a throw-away key, to be linted."""

    def draft(self, order: CertificateOrder) -> bytes: ...


@runtime_checkable
class ReleasesHold(Protocol):
    """Optional: a certificate that is on hold can be made valid again. True if it was on hold."""

    def release(self, certificate: bytes) -> bool: ...


@runtime_checkable
class ListsProfiles(Protocol):
    """Optional: the names that an order's ca_profile may have, as far as our credentials see them."""

    def profiles(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class IssuedPage:
    """A part of what a CA has issued: serial numbers, and where the list goes on; empty: it is complete."""

    serials: tuple[int, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """A certificate (DER) as the CA has it; revoked: for good, or on hold."""

    certificate: bytes
    revoked: bool


@runtime_checkable
class ListsIssued(Protocol):
    """Optional: the CA names what it has issued, and shows each of it.

    list_issued: serial numbers, in parts; among them are those of all certificates that were issued since the
    moment and are not revoked. cursor: empty, or that of the part before.
    kept: what it has under a serial number; None where it has issued nothing under it.
    Both raise CaError; a permanent one where this connection cannot tell, whenever it is asked.
    """

    def list_issued(self, since: datetime, cursor: str) -> IssuedPage: ...

    def kept(self, serial: int) -> KeptCertificate | None: ...
