"""What the bridge and a connector agree on where its CA can list what it has issued."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable


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
