"""What the bridge and a connector agree on where this installation runs the CA itself, or parts of it.

Each protocol is optional: publication of certificates and CRLs, OCSP, roll-over, maintenance, expiries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from cryptography.x509.ocsp import OCSPRequest

from ca_bridge.contract import RevocationReason

ROOT_CRL_LIFETIME = timedelta(days=365)  # Baseline Requirements 4.9.7: a year at most


class MaintenanceNeed(StrEnum):
    """What a CA needs of whoever runs it; ca_bridge.connection.maintenance_needs has the words."""

    ROLL_OVER = "roll-over"
    ROOT_CRL = "root-crl"
    ROOT_CRL_MISSING = "root-crl-missing"
    ROOT_KEY_HERE = "root-key-here"
    OCSP_SIGNERS = "ocsp-signers"


@dataclass(frozen=True, slots=True)
class DueMaintenance:
    """One such need. until: the day by which it should be met, where there is one."""

    need: MaintenanceNeed
    until: date | None = None


@runtime_checkable
class Publishes(Protocol):
    """Optional: the CA publishes its certificates and CRLs through this installation, at /pki/."""

    def published(self, file_name: str) -> tuple[str, bytes] | None: ...


@runtime_checkable
class AnswersOcsp(Protocol):
    """Optional: the CA answers OCSP requests through this installation, at /pki/ocsp.

    The request is well formed; the answer is DER, or none where another issuer is asked about.
    """

    def ocsp(self, request: OCSPRequest) -> bytes | None: ...


@runtime_checkable
class RenewsCrl(Protocol):
    """Optional: the CA signs its CRL here, at each revocation and on schedule; likewise its OCSP signer."""

    def renew_crl_if_due(self) -> bool: ...


@runtime_checkable
class ErasesRecords(Protocol):
    """Optional: the CA keeps its records in this installation, and can let go of all but the serial.

    What it does not have it need not forget: the alias may have named another CA when that was issued.
    """

    def forget(self, certificate: bytes) -> None: ...


@runtime_checkable
class RollsOver(Protocol):
    """Optional: the CA lives in this installation, and its operator makes it and its next issuing CAs here.

    initialise: make it where there is none, True if it was made now. root_key: the file with the root's key,
    where it is kept elsewhere. Certificates are DER; what is made, or taken in, issues from then on.
    holds_signing_keys: whether this process could sign as the CA. All raise CaError.
    """

    def initialise(self) -> bool: ...

    def roll_issuing_ca(self, root_key: Path | None) -> bytes: ...

    def request_issuing_ca(self) -> bytes: ...

    def accept_issuing_ca(self, pem: bytes) -> bytes: ...

    def revoke_issuing_ca(self, name: str, reason: RevocationReason, root_key: Path | None) -> bytes: ...

    def sign_root_crl(self, lifetime: timedelta, root_key: Path | None) -> None: ...

    def take_root_offline(self, to: Path, lifetime: timedelta) -> None: ...
    def holds_signing_keys(self) -> bool: ...


@runtime_checkable
class ChangesPassphrase(Protocol):
    """Optional: the CA's keys lie in files here, under a passphrase that can be changed, in two steps.

    to: a file with the new one: the keys then open with it, and with the one in use. None: they open with the
    one in use alone, which is the new one by then. Returns of how many keys that was done. Raises CaError; at
    any moment the one in use opens every key that it opened before. root_key: the file with the root's key,
    where it is kept elsewhere.
    """

    def change_passphrase(self, to: Path | None, root_key: Path | None) -> int: ...


class ExpiringItem(StrEnum):
    """What of a CA holds until a day only."""

    CERTIFICATE = "certificate"
    CRL = "crl"
    OCSP_SIGNER = "ocsp-signer"


@dataclass(frozen=True)
class ItemExpiry:
    """Until when one thing of a CA holds; at is None where there is none yet. name: of its issuer."""

    what: ExpiringItem
    name: str
    at: datetime | None


@runtime_checkable
class ReportsExpiries(Protocol):
    """Optional: the CA lives in this installation, and says until when what it needs holds."""

    def expiries(self) -> Sequence[ItemExpiry]: ...


@runtime_checkable
class ReportsMaintenance(Protocol):
    """Optional: what whoever runs the CA should see to soon; asked of nobody else."""

    def due_maintenance(self) -> Sequence[DueMaintenance]: ...
