"""What the operator of an embedded CA does by command: it, its next issuing CA, what the root signs; audited.

The files of a CA are no part of a transaction: what was done is recorded right after it is done. So nothing
is done while the database would not take that record.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import DatabaseError, transaction

from ca_bridge.connection import registry
from ca_bridge.contract import RevocationReason
from ca_bridge.contract_operation import ChangesPassphrase, RenewsCrl, RollsOver
from ca_bridge.errors import CaError
from ca_bridge.x509.certificates import CertificateFacts, describe
from identity_manager import audit
from identity_manager.models import Person


def aliases() -> list[str]:
    """The CAs whose issuing CA is made here."""
    return [alias for alias in registry.aliases() if isinstance(registry.connector(alias), RollsOver)]


def initialise(*, actor: Person | None, alias: str) -> bool:
    """Make the CA where there is none, and its CRLs where due: True if it was made now. Raises CaError."""
    connector = _of(alias)
    made = connector.initialise()
    if made:
        issuing_ca = describe(registry.connector(alias).chain()[0])
        _tell(
            audit.Event.CA_MADE,
            actor,
            alias,
            issuer=issuing_ca.subject,
            serial=issuing_ca.serial_hex,
            until=issuing_ca.not_after.isoformat(),
        )
    _renew_crls(connector)
    return made


def roll(*, actor: Person | None, alias: str, root_key: Path | None) -> CertificateFacts:
    """Make a new issuing CA below the own root; it issues from now on. Raises CaError.

    root_key: the file with the root's key, where it is kept elsewhere.
    """
    connector = _recordable(alias)
    return _rolled(actor, alias, connector, connector.roll_issuing_ca(root_key))


def request(*, actor: Person | None, alias: str) -> bytes:
    """Return a request (PEM) for the next issuing CA, for another root to sign. Raises CaError."""
    pem = _recordable(alias).request_issuing_ca()
    _tell(audit.Event.ISSUING_CA_REQUESTED, actor, alias)
    return pem


def accept(*, actor: Person | None, alias: str, pem: bytes) -> CertificateFacts:
    """Take in what was signed for request(), and all above it; it issues from now on. Raises CaError."""
    connector = _recordable(alias)
    return _rolled(actor, alias, connector, connector.accept_issuing_ca(pem))


def _rolled(actor: Person | None, alias: str, connector: RollsOver, certificate: bytes) -> CertificateFacts:
    """It issues already; its first CRL comes after the word about that."""
    made = describe(certificate)
    _tell(
        audit.Event.ISSUING_CA_ROLLED,
        actor,
        alias,
        issuer=made.subject,
        serial=made.serial_hex,
        until=made.not_after.isoformat(),
    )
    _renew_crls(connector)
    return made


def _renew_crls(connector: RollsOver) -> None:
    if isinstance(connector, RenewsCrl):
        connector.renew_crl_if_due()


def sign_root_crl(*, actor: Person | None, alias: str, lifetime: timedelta, root_key: Path | None) -> None:
    """Sign a CRL of the root that holds for so long. Raises CaError."""
    _recordable(alias).sign_root_crl(lifetime, root_key)
    _tell(audit.Event.ROOT_CRL_SIGNED, actor, alias, days=lifetime.days)


def take_root_offline(*, actor: Person | None, alias: str, to: Path, lifetime: timedelta) -> None:
    """The same, and move the root's key into a file elsewhere. Raises CaError."""
    _recordable(alias).take_root_offline(to, lifetime)
    _tell(audit.Event.ROOT_TAKEN_OFFLINE, actor, alias, days=lifetime.days)


def add_passphrase(*, actor: Person | None, alias: str, to: Path, root_key: Path | None) -> int:
    """Have the keys open with the passphrase in this file, too; return how many do. Raises CaError."""
    number = _with_passphrase(alias).change_passphrase(to, root_key)
    _tell(audit.Event.CA_PASSPHRASE_ADDED, actor, alias)
    return number


def drop_former_passphrase(*, actor: Person | None, alias: str, root_key: Path | None) -> int:
    """Have them open with the one in use alone; return of how many that was done. Raises CaError."""
    number = _with_passphrase(alias).change_passphrase(None, root_key)
    if number:
        _tell(audit.Event.CA_PASSPHRASE_CHANGED, actor, alias)
    return number


def _with_passphrase(alias: str) -> ChangesPassphrase:
    connector = _recordable(alias)
    if not isinstance(connector, ChangesPassphrase):
        raise CaError("The keys of this connection are under no passphrase here.", alias, permanent=True)
    return connector


def revoke(
    *, actor: Person | None, alias: str, name: str, reason: RevocationReason, root_key: Path | None
) -> CertificateFacts:
    """Put a former issuing CA on the root's CRL, and all that it issued with it. Raises CaError.

    name: what its published files are called, without .crl.
    """
    facts = describe(_recordable(alias).revoke_issuing_ca(name, reason, root_key))
    _tell(
        audit.Event.ISSUING_CA_REVOKED,
        actor,
        alias,
        issuer=facts.subject,
        serial=facts.serial_hex,
        reason=reason.value,
    )
    return facts


def _of(alias: str) -> RollsOver:
    connector = registry.connector(alias)
    if not isinstance(connector, RollsOver):
        raise CaError("The issuing CA of this connection is not made here.", alias, permanent=True)
    return connector


def _recordable(alias: str) -> RollsOver:
    """The same, and what is done with it can be recorded. Raises CaError."""
    connector = _of(alias)
    try:
        with transaction.atomic():
            _tell(next(iter(audit.Event)), None, alias)  # whichever: it is taken back
            transaction.set_rollback(True)
    except DatabaseError as error:  # a standby, a full disk
        raise CaError("The database takes no writes; nothing was done.", str(error).strip()) from error
    return connector


def _tell(event: audit.Event, actor: Person | None, alias: str, **facts: Any) -> None:
    with transaction.atomic():
        audit.record(event, actor=actor, subject=None, ca=alias, **facts)
