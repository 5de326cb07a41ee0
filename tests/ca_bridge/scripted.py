"""A connector that answers what a test tells it, and a small CA that signs whatever a test wants."""

import functools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Issued,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.errors import CaError
from ca_bridge.x509 import csr
from tests.tools import x509 as certificates

Step = Callable[[CertificateOrder], Any]


@dataclass(frozen=True)
class Options:
    """None: the script is put into the instance."""


class ScriptedConnector:
    """Takes one step of the script at each call, and remembers the calls."""

    Options = Options

    def __init__(self, _options: Options) -> None:
        self.script: deque[Step] = deque()
        self.calls: list[str] = []
        self.revoked: list[tuple[bytes, RevocationReason]] = []
        self.outcome: RevocationOutcome | CaError = RevocationOutcome.REVOKED

    def issue(self, order: CertificateOrder) -> Answer:
        return self._step("issue", order)

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:
        return self._step(f"fetch {handle}", order)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        self.revoked.append((certificate, reason))
        if isinstance(self.outcome, CaError):
            raise self.outcome
        return self.outcome

    def chain(self) -> Sequence[bytes]:
        return (issuing_ca().der, root_ca().der)

    def health(self) -> Health:
        return Health(ok=True, detail="scripted")

    def _step(self, call: str, order: CertificateOrder) -> Any:
        self.calls.append(call)
        return self.script.popleft()(order)


class FetchOrdersConnector(ScriptedConnector):
    """The same, and what is pending can only be ordered once more."""

    fetch_orders = True


class ForgettingConnector(ScriptedConnector):
    """The same, and it lets go of certificates."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.forgotten: list[bytes] = []

    def forget(self, certificate: bytes) -> None:
        self.forgotten.append(certificate)


class SearchableConnector(ScriptedConnector):
    """The same, and the CA can be searched."""

    def find(self, order: CertificateOrder) -> Issued | None:
        return self._step("find", order)


class TogetherConnector(SearchableConnector):
    """The same, and it issues for several orders with one call, which is one step of the script."""

    def issue_many(self, orders: Sequence[CertificateOrder]) -> Sequence[Issued]:
        self.calls.append(f"issue {len(orders)}")
        return [answer for order in orders if (answer := self.script[0](order))]


class ListingConnector(SearchableConnector):
    """The same, and the search can name everything that was issued for an order."""

    def find_all(self, order: CertificateOrder) -> Sequence[bytes]:
        return self._step("find all", order)


class NumberedConnector(ListingConnector):
    """The same, and what the search names was issued under the order's number."""

    finds_by_number = True


@dataclass(frozen=True)
class SmallCa:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


@functools.cache
def root_ca() -> SmallCa:
    return make_ca("Scripted root")


@functools.cache
def issuing_ca() -> SmallCa:
    return make_ca("Scripted issuing CA", issuer=root_ca())


def make_ca(
    common_name: str,
    *,
    issuer: SmallCa | None = None,
    may_sign: bool = True,
    days: int = 3650,
    path_length: int | None = None,
    key_usage: tuple[str, ...] = (),
    key: Any = None,
    add: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> SmallCa:
    """A CA on a curve, unless it has a key; may_sign=False makes one whose certificate forbids it to be a CA.

    days: until its end; negative where it is over. key_usage: what its key may be used for, if it says so.
    add: extensions.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    name, public = certificates.named(common_name), key.public_key()
    by = (issuer.certificate.subject, issuer.key) if issuer else (name, key)
    said = [
        certificates.constraints(ca=may_sign, path_length=path_length),
        certificates.key_id(public),
        *([(csr.key_usage(key_usage), True)] if key_usage else []),
        *add,
    ]
    return SmallCa(certificates.issued(name, public, by, since=100, until=days, extensions=said), key)


@dataclass(frozen=True)
class Issuance:
    """What the small CA puts into a certificate; None: as the request says. drop, add: extensions."""

    ca: SmallCa | None = None
    subject: x509.Name | None = None
    public_key: ec.EllipticCurvePublicKey | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    serial: int | None = None
    drop: tuple[str, ...] = ()
    add: tuple[tuple[x509.ExtensionType, bool], ...] = ()


def sign(order: CertificateOrder, how: Issuance = Issuance()) -> bytes:
    """Return a certificate (DER) for an order, right but for what is said."""
    request, ca = x509.load_der_x509_csr(order.csr), how.ca or issuing_ca()
    public_key = how.public_key or request.public_key()
    extensions = [
        certificates.key_id(public_key),
        certificates.issuer_id(ca.key.public_key()),
        *((extension.value, extension.critical) for extension in request.extensions),
    ]
    kept = [each for each in extensions if each[0].oid.dotted_string not in how.drop]
    return certificates.issued(
        how.subject or request.subject,
        public_key,
        (ca.certificate.subject, ca.key),
        since=how.not_before or order.not_before,
        until=how.not_after or order.not_after,
        serial=how.serial,
        extensions=[*kept, *how.add],
    ).public_bytes(Encoding.DER)


def issued(how: Issuance = Issuance(), chain: tuple[bytes, ...] | None = None) -> Step:
    """A step of a script: the CA issues."""

    def step(order: CertificateOrder) -> Issued:
        return Issued(sign(order, how), chain if chain is not None else (issuing_ca().der,))

    return step


def answers(answer: Any) -> Step:
    """A step of a script: the CA answers so."""
    return lambda _order: answer


def fails(error: Exception) -> Step:
    """A step of a script: the connector raises."""

    def step(order: CertificateOrder) -> Answer:
        raise error

    return step
