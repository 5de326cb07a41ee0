"""Operator commands for the embedded CA, with their audit events: initialise, roll over, sign as the root.

The files of a CA are outside database transactions: the audit event is written right after the action. So an
action is refused before it begins if a trial shows that the database is read-only or full.
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
    """Aliases of the connections whose issuing CA this installation operates."""
    return [alias for alias in registry.aliases() if isinstance(registry.connector(alias), RollsOver)]


def initialise(*, actor: Person | None, alias: str) -> bool:
    """Create the CA if missing, and its CRLs if due. True if it was created now. Raises CaError."""
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
    """Roll over to a new issuing CA below the embedded root; it issues from now on. Raises CaError.

    root_key: file with the root's key, if the key is offline.
    """
    connector = _recordable(alias)
    return _rolled(actor, alias, connector, connector.roll_issuing_ca(root_key))


def request(*, actor: Person | None, alias: str) -> bytes:
    """Return a PKCS#10 request (PEM) for the next issuing CA; an external root signs it. Raises CaError."""
    pem = _recordable(alias).request_issuing_ca()
    _tell(audit.Event.ISSUING_CA_REQUESTED, actor, alias)
    return pem


def accept(*, actor: Person | None, alias: str, pem: bytes) -> CertificateFacts:
    """Import the certificate for request(), with its chain; the CA issues from now on. Raises CaError."""
    connector = _recordable(alias)
    return _rolled(actor, alias, connector, connector.accept_issuing_ca(pem))


def _rolled(actor: Person | None, alias: str, connector: RollsOver, certificate: bytes) -> CertificateFacts:
    """Record the event, then renew the CRLs, because the new CA already issues."""
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
    """Sign a root CRL that is valid for `lifetime`. Raises CaError."""
    _recordable(alias).sign_root_crl(lifetime, root_key)
    _tell(audit.Event.ROOT_CRL_SIGNED, actor, alias, days=lifetime.days)


def take_root_offline(*, actor: Person | None, alias: str, to: Path, lifetime: timedelta) -> None:
    """As sign_root_crl, then move the root's key to another directory. Raises CaError."""
    _recordable(alias).take_root_offline(to, lifetime)
    _tell(audit.Event.ROOT_TAKEN_OFFLINE, actor, alias, days=lifetime.days)


def add_passphrase(*, actor: Person | None, alias: str, to: Path, root_key: Path | None) -> int:
    """Re-encrypt the keys so that the passphrase in this file opens them too; return how many.

    Raises CaError.
    """
    number = _with_passphrase(alias).change_passphrase(to, root_key)
    _tell(audit.Event.CA_PASSPHRASE_ADDED, actor, alias)
    return number


def drop_former_passphrase(*, actor: Person | None, alias: str, root_key: Path | None) -> int:
    """Re-encrypt the keys to the passphrase in use alone; return how many. Raises CaError."""
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
    """Revoke a former issuing CA on the root's CRL, and so everything that it issued. Raises CaError.

    name: file name of its published certificate, without extension.
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
    """As _of, after a trial that an audit event can be written. Raises CaError."""
    connector = _of(alias)
    try:
        with transaction.atomic():
            _tell(next(iter(audit.Event)), None, alias)  # any event: it is rolled back
            transaction.set_rollback(True)
    except DatabaseError as error:  # a read-only standby, a full disk
        raise CaError("The database takes no writes; nothing was done.", str(error).strip()) from error
    return connector


def _tell(event: audit.Event, actor: Person | None, alias: str, **facts: Any) -> None:
    with transaction.atomic():
        audit.record(event, actor=actor, subject=None, ca=alias, **facts)
