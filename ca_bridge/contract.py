"""The connector contract: orders, answers, and the optional capabilities of a connector.

Capabilities of CAs that run in this installation are in contract_operation.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol, Self, runtime_checkable

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils.translation import gettext as _

from ca_bridge import health_findings
from ca_bridge.errors import CaError, storable_text
from ca_bridge.health_findings import HealthDetail, HealthFinding


class KeyAlgorithm(StrEnum):
    """Key algorithms of persons' certificates. Without Ed25519, which NSS and gpgsm cannot import."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"


class RevocationReason(StrEnum):
    """CRLReason (RFC 5280 5.3.1), as far as used for persons."""

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
UPN = "1.3.6.1.4.1.311.20.2.3"  # otherName type of a user principal name, the kind "upn"


@dataclass(frozen=True, slots=True)
class CertificateContent:
    """Content of a certificate, as approved.

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
        """The content from dataclasses.asdict() after JSON."""
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
    """Order of one certificate from one CA.

    idempotency_key: stored before the CA is asked, the same at each attempt.
    csr: DER of a PKCS#10 request (RFC 2986) signed by the certificate's key; it carries subject and
    extensions (extensionRequest).
    """

    idempotency_key: str
    csr: bytes
    content: CertificateContent
    ca_profile: str
    not_before: datetime
    not_after: datetime

    @property
    def csr_pem(self) -> str:
        """The request as PEM."""
        return x509.load_der_x509_csr(self.csr).public_bytes(Encoding.PEM).decode()


@dataclass(frozen=True, slots=True)
class Issued:
    """The certificate (DER) and its issuers (DER, nearest first, the root not included)."""

    certificate: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """The CA decides later: fetch with the handle, not before the time."""

    handle: str
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Final refusal by the CA: a sentence for people and a detail for operators."""

    message: str
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", storable_text(self.detail))

    @classmethod
    def request(cls, detail: str) -> Self:
        """The usual refusal: the CA refuses the request as such."""
        return cls(_("The certificate authority refused the request."), detail)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Unknown outcome: no usable answer, the CA may or may not have issued."""

    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", storable_text(self.detail))


Answer = Issued | Pending | Refused | Unknown


class RevocationOutcome(StrEnum):
    """Result of a revocation."""

    REVOKED = "revoked"
    ALREADY_REVOKED = "already revoked"
    PENDING = "pending"
    UNSUPPORTED = "unsupported"


class ConnectionFault(StrEnum):
    """Known kinds of connection faults. Sentences: ca_bridge.connection.faults."""

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
    """Result of a health check, with a sentence for operators; fault: its kind, where known.

    found: the sentence in translatable form; empty where it quotes the CA.
    """

    ok: bool
    detail: str
    fault: ConnectionFault | None = None
    found: Sequence[HealthDetail] = ()

    @classmethod
    def healthy(cls, finding: HealthFinding, **values: str) -> Self:
        """The CA answers; what it has."""
        found = HealthDetail(finding, values)
        return cls(ok=True, detail=health_findings.in_english(found), found=(found,))

    @classmethod
    def unhealthy(cls, *found: HealthDetail, fault: ConnectionFault | None = None) -> Self:
        """The CA does not answer as expected."""
        return cls(ok=False, detail=health_findings.in_english(*found), fault=fault, found=found)


@runtime_checkable
class Connector(Protocol):
    """Access to one CA. Every method may raise CaError; transient faults have permanent=False.

    Called outside any transaction; may be called again after any crash, with the same order. issue()
    raises a transient fault only where the CA has certainly not issued; otherwise it returns Unknown. The
    class has an attribute `Options`, a dataclass that validates OPTIONS of the settings, and is
    constructed with an instance of it, without calling the CA.

    `revokes = False`: the protocol has no revocation; returns UNSUPPORTED, or ALREADY_REVOKED where the
    connector can see that it was revoked at the CA. `fetch_orders = True`: fetch() orders anew, so a lost
    answer is an unknown outcome as with issue(). `finds_by_number = True`: search results were issued
    under the idempotency key, whatever their key; otherwise a search may return what others ordered.

    `caa_identities = ("ca.example",)`: a public CA, and its issuer domains in CAA records (RFC 8659, 9495).

    `group_size = 8` on the class says that it answers at once, and can be searched: a worker under load
    sends so many orders to it before it commits the answers. A crash leaves at most as many unknown outcomes
    to be searched for. One instance serves all threads.
    """

    def issue(self, order: CertificateOrder) -> Answer: ...

    def fetch(self, order: CertificateOrder, handle: str) -> Answer: ...

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome: ...

    def chain(self) -> Sequence[bytes]:
        """Issuers (DER) to which answers must chain: issuing CA first, root last.

        From configuration or memory, never from the network: answers are verified inside a
        transaction.
        """
        ...

    def health(self) -> Health: ...


@runtime_checkable
class FindsOrders(Protocol):
    """Optional: search the CA by idempotency key or public key."""

    def find(self, order: CertificateOrder) -> Issued | None: ...


@runtime_checkable
class FindsAll(Protocol):
    """Optional: all certificates (DER) issued under an idempotency key or public key.

    find() returns the one to use; the others are revoked by reconciliation.
    """

    def find_all(self, order: CertificateOrder) -> Sequence[bytes]: ...


@runtime_checkable
class Drafts(Protocol):
    """Optional: the to-be-signed certificate, signed with a throw-away key, for linting."""

    def draft(self, order: CertificateOrder) -> bytes: ...


@runtime_checkable
class ReleasesHold(Protocol):
    """Optional: end a certificateHold. True if it was on hold."""

    def release(self, certificate: bytes) -> bool: ...


@runtime_checkable
class IssuesTogether(Protocol):
    """Optional: issue for several orders with one call, under their idempotency keys, as often as called.

    Returns one certificate per order, in their order. Raises CaError where that is not possible for all of
    them: then each is asked for alone.
    """

    def issue_many(self, orders: Sequence[CertificateOrder]) -> Sequence[Issued]: ...


@runtime_checkable
class RevokesTogether(Protocol):
    """Optional: revoke several certificates with one call; idempotent.

    Returns one result per certificate, in their order: an outcome, or a CaError for one that is refused
    alone. Raises CaError if the whole call failed.
    """

    def revoke_many(
        self, wanted: Sequence[tuple[bytes, RevocationReason]]
    ) -> Sequence[RevocationOutcome | CaError]: ...


@runtime_checkable
class PresentsCrl(Protocol):
    """Optional: the present CRL (DER) of the issuer of a certificate. Raises CaError where there is none.

    Without it the CRL is fetched from the certificate's distribution points (RFC 5280 4.2.1.13).
    """

    def present_crl(self, certificate: bytes) -> bytes: ...


@runtime_checkable
class ListsProfiles(Protocol):
    """Optional: names for an order's ca_profile, as far as our credentials may list them."""

    def profiles(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Validations:
    """Expiry of a public CA's validations of domains and organisation (S/MIME Baseline Requirements 4.2.1).

    domains: each mail domain with its last day; organisation: the last day, where it is known.
    """

    domains: tuple[tuple[str, date], ...]
    organisation: date | None


@runtime_checkable
class ReportsValidations(Protocol):
    """Optional: expiry of the CA's validations of our mail domains and organisation. Raises CaError."""

    def validations(self) -> Validations: ...


@dataclass(frozen=True, slots=True)
class IssuedPage:
    """One page of issued serial numbers; cursor of the next page, empty at the end."""

    serials: tuple[int, ...]
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """A certificate (DER) as the CA has it; revoked: finally or on hold."""

    certificate: bytes
    revoked: bool


@runtime_checkable
class ListsIssued(Protocol):
    """Optional: list issued certificates, for comparison with the database.

    list_issued: pages of serial numbers, at least those issued since the moment and not revoked. cursor:
    empty, or from the previous page.
    kept: the certificate with a serial number; None where there is none.
    Both raise CaError, a permanent one where this connection cannot list at all.
    """

    def list_issued(self, since: datetime, cursor: str) -> IssuedPage: ...

    def kept(self, serial: int) -> KeptCertificate | None: ...
