"""CAs that answer badly: the embedded one with faults before it, and two that keep a register of their own.

Each fault is one that CAs have: they are down, slow, silent; they issue and the answer is lost; they issue
when nobody waits any more. Which it is says the schedule that all processes share.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.db import connection

from ca_bridge.connectors.embedded import signing
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Issued,
    Refused,
    RevocationOutcome,
    RevocationReason,
)
from ca_bridge.errors import CaError
from tests.chaos.faults import NONE, Schedule

LATE_SECONDS = 1.5
MUCH_LATER_SECONDS = 120  # where nobody looks for the order
LOOK_SECONDS = 0.2
SURELY_NOT_ISSUED = CaError("The CA is down for a moment.", "503 from the schedule of faults")


class NoAnswer(Exception):  # noqa: N818 reads as what it is
    """The connection broke; whether the CA did it, nobody can know."""


def schedule() -> Schedule:
    """The one that all processes of this run share."""
    return Schedule(Path(os.environ["CHAOS_FAULTS"]))


def issue_badly(order: CertificateOrder, issue: Callable[[], Answer]) -> Answer:
    """Issue, with the next fault of the schedule."""
    match schedule().take("ca.issue"):
        case "answers late":
            time.sleep(LATE_SECONDS)
        case "answers after the lease":
            time.sleep(settings.LEASE_SECONDS + 3)
        case "fails":
            raise SURELY_NOT_ISSUED
        case "no answer, not issued":
            raise NoAnswer("no answer within the time")
        case "issued, the answer is lost":
            issue()
            raise NoAnswer("the connection broke while the answer was read")
        case "issues after the caller gave up":
            threading.Thread(target=_later, args=(order.idempotency_key, issue)).start()
            raise NoAnswer("no answer within the time")
        case "refuses for good":
            return Refused("This name is not certified here.", "policy, from the schedule of faults")
    return issue()


def _later(order: str, issue: Callable[[], Answer]) -> None:
    """When the order has been looked for and not found, so that it is asked for again meanwhile."""
    until = time.monotonic() + MUCH_LATER_SECONDS
    while time.monotonic() < until and not (schedule().was_searched(order) or schedule().is_calm()):
        time.sleep(LOOK_SECONDS)
    try:
        issue()
    finally:
        connection.close()  # this thread's own


def find_badly() -> None:
    """Raise what the schedule says."""
    match schedule().take("ca.find"):
        case "fails":
            raise SURELY_NOT_ISSUED
        case "no answer":
            raise NoAnswer("no answer within the time")


def revoke_badly(revoke: Callable[[], RevocationOutcome]) -> RevocationOutcome:
    """Revoke, with the next fault of the schedule."""
    fault = schedule().take("ca.revoke")
    if fault == "fails":
        raise SURELY_NOT_ISSUED
    outcome = revoke()
    if fault != NONE:
        raise CaError("The CA did not answer.", "the connection broke while the answer was read")
    return outcome


class FaultyEmbedded(EmbeddedConnector):
    """The embedded CA. It issues at most one certificate for each order, and can be searched."""

    def issue(self, order: CertificateOrder) -> Answer:
        return issue_badly(order, lambda: super(FaultyEmbedded, self).issue(order))

    def issue_many(self, orders: Sequence[CertificateOrder]) -> list[Issued]:
        """With the next fault of the schedule; after one that is seen, each order is asked for alone."""
        fault = schedule().take("ca.issue")
        if fault == "answers late":
            time.sleep(LATE_SECONDS)
        elif fault == "answers after the lease":
            time.sleep(settings.LEASE_SECONDS + 3)
        elif fault == "issued, the answer is lost":
            super().issue_many(orders)
            raise NoAnswer("the connection broke while the answer was read")
        elif fault != NONE:
            raise SURELY_NOT_ISSUED
        return super().issue_many(orders)

    def find(self, order: CertificateOrder) -> Issued | None:
        find_badly()
        found = super().find(order)
        schedule().note_search(order.idempotency_key)
        return found

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        return revoke_badly(lambda: super(FaultyEmbedded, self).revoke(certificate, reason))


# --- CAs with a register of their own ---------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Options(EmbeddedOptions):
    """The keys of the embedded CA, and the file in which this one writes down what it issued."""

    register: str


@dataclass(frozen=True)
class Entry:
    """One certificate in a register."""

    request: str
    certificate: bytes
    revoked: bool


class Register:
    """What a CA remembers, in a file that has nothing to do with the installation's database."""

    def __init__(self, path: str) -> None:
        self._path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=20)) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS issued (request TEXT, serial TEXT UNIQUE, certificate BLOB,"
                " revoked TEXT NOT NULL DEFAULT '')"
            )
            yield database

    def add(self, request: str, certificate: x509.Certificate) -> None:
        row = (request, f"{certificate.serial_number:x}", certificate.public_bytes(Encoding.DER))
        with self._open() as database:
            database.execute("INSERT INTO issued (request, serial, certificate) VALUES (?, ?, ?)", row)

    def revoke(self, certificate: bytes, reason: str) -> bool:
        """True if it was valid until now."""
        serial = f"{x509.load_der_x509_certificate(certificate).serial_number:x}"
        with self._open() as database:
            sql = "UPDATE issued SET revoked = ? WHERE serial = ? AND revoked = ''"
            return database.execute(sql, (reason, serial)).rowcount > 0

    def entries(self, request: str = "") -> list[Entry]:
        """What was issued for that request, or everything; the oldest first."""
        sql = "SELECT request, certificate, revoked FROM issued WHERE ? IN (request, '')"
        with self._open() as database:
            rows = database.execute(sql, (request,))
            return [Entry(each, der, bool(revoked)) for each, der, revoked in rows]


class Silent:
    """Issues anew each time that it is asked, and cannot be searched."""

    Options = Options

    def __init__(self, options: Options) -> None:
        self.register = Register(options.register)
        self._signer = EmbeddedConnector(options)

    def issue(self, order: CertificateOrder) -> Answer:
        return issue_badly(order, lambda: self._issue(order))

    def _issue(self, order: CertificateOrder) -> Answer:
        authority = self._signer._authority
        certificate = signing.sign(authority, order, authority.issuing)
        self.register.add(order.idempotency_key, certificate)
        return self._issued(certificate.public_bytes(Encoding.DER))

    def _issued(self, certificate: bytes) -> Issued:
        return Issued(certificate, tuple(self.chain()))

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:
        return self.issue(order)

    def draft(self, order: CertificateOrder) -> bytes:
        return self._signer.draft(order)

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        return revoke_badly(lambda: self._revoke(certificate, reason))

    def _revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        changed = self.register.revoke(certificate, reason)
        return RevocationOutcome.REVOKED if changed else RevocationOutcome.ALREADY_REVOKED

    def chain(self) -> Sequence[bytes]:
        return self._signer.chain()

    def health(self) -> Health:
        return Health(ok=True, detail="as the schedule of faults wants it")


class Elsewhere(Silent):
    """The same, and it can be searched by the identifier of the order."""

    def find(self, order: CertificateOrder) -> Issued | None:
        found = self.find_all(order)
        return self._issued(found[0]) if found else None

    def find_all(self, order: CertificateOrder) -> Sequence[bytes]:
        find_badly()
        found = [entry.certificate for entry in self.register.entries(order.idempotency_key)]
        schedule().note_search(order.idempotency_key)
        return found
