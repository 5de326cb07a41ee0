"""Optional connector capabilities of CAs that run in this installation, fully or in part.

Publication of certificates and CRLs, OCSP, roll-over, maintenance, expiries.
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
    """Kinds of maintenance; sentences in ca_bridge.connection.maintenance_needs."""

    ROLL_OVER = "roll-over"
    ROOT_CRL = "root-crl"
    ROOT_CRL_MISSING = "root-crl-missing"
    ROOT_KEY_HERE = "root-key-here"
    OCSP_SIGNERS = "ocsp-signers"


@dataclass(frozen=True, slots=True)
class DueMaintenance:
    """Maintenance that is due. until: date by which it should be done, if any."""

    need: MaintenanceNeed
    until: date | None = None


@runtime_checkable
class Publishes(Protocol):
    """Optional: the CA's certificates and CRLs are published here, at /pki/."""

    def published(self, file_name: str) -> tuple[str, bytes] | None: ...


@runtime_checkable
class AnswersOcsp(Protocol):
    """Optional: OCSP requests are answered here, at /pki/ocsp.

    The request is well-formed; the answer is DER, or None for another issuer's certificate.
    """

    def ocsp(self, request: OCSPRequest) -> bytes | None: ...


@runtime_checkable
class RenewsCrl(Protocol):
    """Optional: CRL and OCSP signer certificates are renewed here, at each revocation and by a job."""

    def renew_crl_if_due(self) -> bool: ...


@runtime_checkable
class ErasesRecords(Protocol):
    """Optional: the CA's records are stored here and can be erased except for the serial.

    An unknown certificate is ignored: the alias may have named another CA when it was issued.
    """

    def forget(self, certificate: bytes) -> None: ...


@runtime_checkable
class RollsOver(Protocol):
    """Optional: operators create this CA and its next issuing CAs here.

    initialise: create the CA if missing; True if created now. root_key: file of the root's key if kept
    elsewhere. Certificates are DER; a created or imported issuing CA issues from then on.
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
    """Optional: change of the passphrase of the CA's key files, in two steps.

    to: file with the new passphrase: keys then open with it and with the current one. None: second step,
    the keys then open with the current one alone, which is the new one by then. Returns the number of
    keys. Raises CaError; at any moment the current passphrase opens every key that it opened before.
    root_key: file of the root's key if kept elsewhere.
    """

    def change_passphrase(self, to: Path | None, root_key: Path | None) -> int: ...


class ExpiringItem(StrEnum):
    """Items of a CA that expire."""

    CERTIFICATE = "certificate"
    CRL = "crl"
    OCSP_SIGNER = "ocsp-signer"


@dataclass(frozen=True)
class ItemExpiry:
    """Expiry of one item; at is None where it does not exist yet. name: its issuer."""

    what: ExpiringItem
    name: str
    at: datetime | None


@runtime_checkable
class ReportsExpiries(Protocol):
    """Optional: expiry of the items of a CA that runs here."""

    def expiries(self) -> Sequence[ItemExpiry]: ...


@runtime_checkable
class ReportsMaintenance(Protocol):
    """Optional: due maintenance, for the operator."""

    def due_maintenance(self) -> Sequence[DueMaintenance]: ...
