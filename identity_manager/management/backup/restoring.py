"""Restore of a backup, into an empty database or one named for replacement. Atomic."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from ca_bridge import issuing
from identity_manager import audit
from identity_manager.audit import keys, verification
from identity_manager.management import wrapped_secrets
from identity_manager.management.backup import authorities, manifest, tables
from identity_manager.management.backup.creation import ENGINES
from identity_manager.management.backup.manifest import BackupError, Manifest
from identity_manager.models import AuditEvent, Certificate, CertificateState, JobRun, Person
from identity_manager.workflow.issuance import ca_comparison

RUNS_STILL = timedelta(seconds=30)


def restore(directory: Path, *, replace: str = "", accept_unopened: bool = False) -> Manifest:
    """Replace database content and embedded CAs by the backup.

    replace: name of a database that is not empty. accept_unopened: continue although the keys here do not
    unwrap all secrets; those tokens must be requested anew. Raises BackupError with the obstacle, before
    any change or after roll-back; DatabaseError and OSError.
    """
    backup = manifest.read(directory)
    if backup.engine != connection.vendor:
        raise BackupError(f"The backup is of {backup.engine}, and the database here is {connection.vendor}.")
    _prepare()
    _refuse_other_versions(backup)
    _refuse_target(replace)
    authorities.refuse_others(directory, backup.authorities)
    with authorities.loaded(directory, backup.authorities):
        _exchange(directory, backup, ENGINES[connection.vendor], accept_unopened=accept_unopened)
    return backup


def mark(moment: datetime) -> int | None:
    """Record that the database was restored by other tools to that moment; return the number of doubted
    orders.

    CAs may have received newer orders: each is searched before asking again, and compared. None without
    effect where it was recorded before. Raises BackupError with the obstacle.
    """
    if moment > timezone.now():
        raise BackupError("That moment is yet to come: say to which one the database was put back.")
    _refuse_while_workers_run()
    made_at = moment.astimezone(UTC).isoformat()
    with transaction.atomic(durable=True):
        marks = AuditEvent.objects.filter(name=audit.Event.SYSTEM_RESTORED, facts__made_at=made_at)
        return None if marks.exists() else _doubt(made_at)


def database_name() -> str:
    """The name that the operator types to confirm replacement."""
    return Path(str(connection.settings_dict["NAME"])).name


def _prepare() -> None:
    """Create the tables of this version if missing."""
    if connection.vendor == "sqlite":
        Path(connection.settings_dict["NAME"]).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not tables.migrations():
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)


def _refuse_other_versions(backup: Manifest) -> None:
    present, then = set(tables.migrations()), set(backup.migrations)
    if present != then:
        other = min(present ^ then)
        raise BackupError(
            f"The backup was made by another version ({other} is only on one side): restore it with the "
            "version that made it, then upgrade."
        )


def _refuse_target(replace: str) -> None:
    if not Person.objects.exists() and not AuditEvent.objects.exists():
        return
    name = database_name()
    if replace != name:
        raise BackupError(f"The database {name} is not empty. To lose what is in it, say --replace {name}.")
    _refuse_while_workers_run()


def _refuse_while_workers_run() -> None:
    recently = timezone.now() - RUNS_STILL
    if JobRun.objects.filter(finished_at__gt=recently).exists():
        raise BackupError("Workers still run here. Stop everything, wait half a minute, then try again.")


def _exchange(directory: Path, backup: Manifest, engine: ModuleType, *, accept_unopened: bool) -> None:
    with engine.opened(directory), transaction.atomic(durable=True):
        engine.load(directory)
        _refuse_other_rows(backup)
        if not accept_unopened:
            _refuse_unopened()
        _refuse_unsound(backup)
        _doubt(backup.made_at)


def _doubt(made_at: str) -> int:
    """Mark open orders for search, and compare each CA from that moment on."""
    doubted = issuing.doubt_open_orders()
    # What a worker has read before is not believed any more (issuance_locks.unchanged).
    Certificate.objects.filter(state=CertificateState.ORDERED).update(version=F("version") + 1)
    ca_comparison.begin_all(datetime.fromisoformat(made_at))
    audit.record(audit.Event.SYSTEM_RESTORED, actor=None, subject=None, made_at=made_at, number=doubted)
    return doubted


def _refuse_other_rows(backup: Manifest) -> None:
    for table, expected in backup.counts.items():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {tables.quoted(table)}")  # noqa: S608 our own tables
            (found,) = cursor.fetchone()
        if found != expected:
            raise BackupError(f"The manifest says {expected} rows of {table}; there are {found}.")


def _refuse_unopened() -> None:
    for sample in wrapped_secrets.samples():
        if sample.error:
            raise BackupError(
                f"The keys here do not open the {sample.kind.name} of the backup: {sample.error} Give it "
                f"the keys of that time, or --accept-unopened: then {sample.kind.lost}."
            )


def _refuse_unsound(backup: Manifest) -> None:
    """Raises BackupError unless the audit log reaches the manifest's end and verifies completely."""
    end = AuditEvent.objects.sealed().filter(number=backup.audit_number).first()
    if backup.audit_number and (end is None or end.chain != backup.audit_chain):
        raise BackupError(f"The audit log of the backup does not have the event {backup.audit_number}.")
    if not keys.can_seal():
        return
    findings = verification.verify().findings
    if findings:
        raise BackupError(f"The audit log of the backup is not sound: {findings[0].sentence}")
