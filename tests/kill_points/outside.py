"""The world outside of the process: a broker, a CA and a mail server that outlive whoever dies.

What each of them has is in files, written before it answers. The mail server is the mailbox of the product's
embedded mode: one file for each message that it took.
"""

import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from celery import current_app
from cryptography import x509
from django.utils import timezone

from ca_bridge.contract import (
    Answer,
    CertificateOrder,
    Health,
    Issued,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
)
from tests.ca_bridge.scripted import Issuance, issuing_ca, root_ca, sign


class Journal:
    """Lines of JSON in a file that only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, *values: str) -> None:
        line = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(line, (json.dumps(values) + "\n").encode())
        os.close(line)

    def read(self) -> list[list[str]]:
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return [json.loads(line) for line in lines]


class Broker:
    """Keeps each message until its task is done: who dies over it leaves it to the next one."""

    def __init__(self, directory: Path) -> None:
        self._published, self._done = Journal(directory / "published"), Journal(directory / "done")

    def publish(self, task: str, *row_ids: str) -> None:
        self._published.append(task, *row_ids)

    def empty(self) -> None:
        """Lose every message."""
        for _message in self._waiting():
            self._done.append("lost")

    def length(self, _queue: str) -> int:
        """How many messages wait; there is one queue."""
        return len(self._waiting())

    def work(self) -> int:
        """Do what waits, as a worker does; return how many messages there were."""
        number = 0
        while waiting := self._waiting():
            task, *row_ids = waiting[0]
            current_app.tasks[task](*row_ids)
            self._done.append("done")
            number += 1
        return number

    def _waiting(self) -> list[list[str]]:
        return self._published.read()[len(self._done.read()) :]


@dataclass(frozen=True)
class Options:
    """directory: what it remembers. loses: how many of its first answers never arrive."""

    directory: str
    loses: int = 0


class ForgetfulAsked:
    """A CA elsewhere that issues anew each time that it is asked, and cannot be searched."""

    Options = Options

    def __init__(self, options: Options) -> None:
        self._loses = options.loses
        self.issued = Journal(Path(options.directory) / "issued")
        self.revoked = Journal(Path(options.directory) / "revoked")

    def issue(self, order: CertificateOrder) -> Answer:
        certificate = sign(order, self.how(order))
        self.issued.append(order.idempotency_key, b64encode(certificate).decode())
        if len(self.issued.read()) <= self._loses:
            raise ConnectionResetError("the answer is lost")
        return _answer(certificate)

    def how(self, order: CertificateOrder) -> Issuance:
        """Just as it is ordered."""
        return Issuance()

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:
        raise AssertionError("This CA decides at once.")

    def revoke(self, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
        known = [_serial(certificate)] in self.revoked.read()
        if not known:
            self.revoked.append(_serial(certificate))
        return RevocationOutcome.ALREADY_REVOKED if known else RevocationOutcome.REVOKED

    def chain(self) -> tuple[bytes, ...]:
        return (issuing_ca().der, root_ca().der)

    def health(self) -> Health:
        return Health(ok=True, detail="elsewhere")

    def good(self) -> list[bytes]:
        """What it has issued and not revoked, and what has not ended."""
        issued = [b64decode(content) for _key, content in self.issued.read()]
        unrevoked = [each for each in issued if [_serial(each)] not in self.revoked.read()]
        return [each for each in unrevoked if _load(each).not_valid_after_utc > timezone.now()]


class Searchable(ForgetfulAsked):
    """The same, and it can be searched."""

    def find(self, order: CertificateOrder) -> Issued | None:
        known = [content for key, content in self.issued.read() if key == order.idempotency_key]
        return _answer(b64decode(known[0])) if known else None


class FindsLate(Searchable):
    """The same; a search shows nothing until it was asked again, and then each certificate that there is."""

    def find(self, order: CertificateOrder) -> Issued | None:
        found = self.find_all(order)
        return _answer(found[-1]) if len(found) > 1 else None

    def find_all(self, order: CertificateOrder) -> list[bytes]:
        return [b64decode(each) for key, each in self.issued.read() if key == order.idempotency_key]


class PutsOff(Searchable):
    """The same, and it issues what it is asked for when it is asked what has become of it."""

    def issue(self, order: CertificateOrder) -> Answer:
        return Pending(order.idempotency_key, timezone.now())

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:
        return self.find(order) or super().issue(order)


class TakesDays(Searchable):
    """The same; it decides about encryption after days, when what else it has issued first has ended."""

    DAYS = timedelta(days=2)

    def how(self, order: CertificateOrder) -> Issuance:
        is_short = order.ca_profile != "encryption" and order.idempotency_key.endswith(".1")
        return Issuance(not_after=order.not_before + self.DAYS / 2 if is_short else None)

    def issue(self, order: CertificateOrder) -> Answer:
        if order.ca_profile != "encryption":
            return super().issue(order)
        return Pending(order.idempotency_key, order.not_before + self.DAYS)

    def fetch(self, order: CertificateOrder, handle: str) -> Answer:
        return self.find(order) or super().issue(order)


class RefusesFirst(Searchable):
    """The same, and it refuses the first order of each certificate."""

    def issue(self, order: CertificateOrder) -> Answer:
        if order.idempotency_key.endswith(".1"):
            return Refused("Not today.", "")
        return super().issue(order)


def _answer(certificate: bytes) -> Issued:
    return Issued(certificate, (issuing_ca().der,))


def _serial(certificate: bytes) -> str:
    return f"{_load(certificate).serial_number:x}"


def _load(certificate: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate)
