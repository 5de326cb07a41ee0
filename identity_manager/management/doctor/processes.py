"""Checks of broker, beat and workers; liveness by recent job runs, as Celery's remote control is off."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from amqp.exceptions import ChannelError
from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone
from kombu import Connection
from kombu.exceptions import OperationalError
from redis.exceptions import ResponseError

from identity_manager.jobs import runner as jobs
from identity_manager.management.doctor.check_result import CheckResult, failed, ok, warning
from identity_manager.management.doctor.database import APART_SECONDS, FOLLOW
from identity_manager.models import JobRun, LastBackup, LiveProcess
from identity_manager.models.operation.job_run import JobOutcome
from identity_manager.models.operation.process_metrics import furthest_off

BROKER_SECONDS = 5
LATE = timedelta(minutes=1)
START_BROKER = "Start the broker; nothing is lost meanwhile: the database is the queue of record."
OTHER_PROGRAM = (
    " If its program or version was changed, its log says that it cannot read its data: remove them"
    " (docs/how-to/scale-out.md, The broker)."
)
FREE_THE_DISK = (
    "See the broker's log, and the room and rights of its data directory; the data may be removed."
)
WRITES = ("rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status")
MAKE_BACKUP = (
    "manage.py backup DIRECTORY, each night. Where other tools make them: manage.py backup --note made"
    " (docs/how-to/backup.md)."
)
START_WORKER = "celery --app identity_manager worker --queues ca,mail,bulk"
START_BEAT = "celery --app identity_manager beat"


def broker() -> Iterator[CheckResult]:
    try:
        with _connection() as connection:
            connection.ensure_connection(max_retries=1, timeout=BROKER_SECONDS)
            yield _broker_program(connection)
    except (OperationalError, OSError) as error:
        yield failed(f"The broker does not answer: {type(error).__name__}.", START_BROKER + OTHER_PROGRAM)


def _broker_program(connection: Connection) -> CheckResult:
    """Program and version of the broker, and whether its data files can only be read by these."""
    if connection.transport.driver_type != "redis":
        properties: Any = getattr(connection.connection, "server_properties", {})
        product, version = properties.get("product", "program"), properties.get("version", "unknown")
        return ok(f"The broker answers: {product} {version}.")
    try:
        channel: Any = connection.default_channel  # each transport has a class of its own
        info = channel.client.info()
    except ResponseError:  # an ACL that allows no INFO
        return ok("The broker answers; it does not say which program it is.")
    if "valkey_version" in info:
        program = f"Valkey {info['valkey_version']}"
    else:
        program = f"Redis {info.get('redis_version', 'of unknown version')}"
    if stuck := [name for name in WRITES if info.get(name, "ok") != "ok"]:
        return warning(
            f"The broker, {program}, cannot write its data to disk: {', '.join(stuck)}.", FREE_THE_DISK
        )
    if info.get("aof_enabled"):
        return ok(f"The broker answers: {program}. It has data on disk that other programs may not read.")
    return ok(f"The broker answers: {program}.")


def beat_and_workers() -> Iterator[CheckResult]:
    """Whether any job has run lately; the most frequent one is due every five seconds."""
    now = timezone.now()
    last = JobRun.objects.exclude(finished_at=None).order_by("-finished_at").first()
    if last and last.finished_at and last.finished_at > now - LATE:
        yield ok(f"Beat and worker live: {last.name} ran {_ago(now - last.finished_at)}.")
        return
    when = (
        f"The last job ran {_ago(now - last.finished_at)}" if last and last.finished_at else "No job ever ran"
    )
    waiting = _waiting_messages()
    if waiting:
        yield failed(f"{when}, and {waiting} messages wait: there is no worker.", START_WORKER)
    else:
        yield failed(f"{when}, and nothing asks for one: there is no beat.", START_BEAT)


def periodic_work() -> Iterator[CheckResult]:
    """Jobs that failed, or are late while others run."""
    now, fine = timezone.now(), True
    for name, row in jobs.rows().items():
        if row.outcome == JobOutcome.FAILED:
            fine = False
            yield warning(
                f"The job {name} failed: {row.last_error}", "ADMIN, Jobs: see the error, Start once."
            )
        elif row.next_attempt_at and row.next_attempt_at < now - LATE and not row.is_leased(now):
            fine = False
            yield warning(
                f"The job {name} is due since {_ago(now - row.next_attempt_at)}.", "See beat and workers."
            )
    if fine:
        yield ok("Every job did what it should.")


def backups() -> Iterator[CheckResult]:
    """The last backup, as its command has recorded it."""
    last, now = LastBackup.read(), timezone.now()
    made = "No backup was made yet"
    if last.made_at:
        made = f"The last backup was made {_ago(now - last.made_at)}"
    if last.has_failed:
        yield failed(f"{made}, and the next one failed: {last.error}", MAKE_BACKUP)
    elif last.is_overdue(now):
        yield warning(f"{made}.", MAKE_BACKUP)
    else:
        yield ok(f"{made}.")


def clocks_of_hosts() -> Iterator[CheckResult]:
    """Clock skew of hosts, reported by their web and worker processes; the beat's clock does not matter."""
    hosts = furthest_off(LiveProcess.objects.alive(Now()).values_list("host", "clock_ahead"))
    off = {host: ahead for host, ahead in sorted(hosts.items()) if abs(ahead) > APART_SECONDS}
    for host, ahead in off.items():
        way = "ahead of" if ahead > 0 else "behind"
        yield warning(f"The clock of {host} is {abs(ahead):.0f} seconds {way} the database server's.", FOLLOW)
    if not off:
        yield ok("No running process has a clock that is off.")


def _waiting_messages() -> int:
    try:
        with _connection() as connection:
            return sum(_length(connection, queue.name) for queue in settings.CELERY_TASK_QUEUES)
    except (OperationalError, OSError):
        return 0


def _length(connection: Connection, queue: str) -> int:
    """Length of a queue; 0 for one that does not exist yet."""
    try:
        channel: Any = connection.default_channel  # each transport has a class of its own
        return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except ChannelError:
        return 0


def _connection() -> Connection:
    return Connection(
        settings.BROKER_URL,
        ssl=settings.CELERY_BROKER_USE_SSL,
        connect_timeout=BROKER_SECONDS,
        transport_options={
            **settings.CELERY_BROKER_TRANSPORT_OPTIONS,
            "socket_connect_timeout": BROKER_SECONDS,
        },
    )


def _ago(delay: timedelta) -> str:
    seconds = int(delay.total_seconds())
    return f"{seconds} seconds ago" if seconds < 120 else f"{seconds // 60} minutes ago"
