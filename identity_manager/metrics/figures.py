"""Gauges from the database: queue lengths, ages of the oldest waiting rows, last runs of jobs.

Each gauge costs few queries over open or waiting rows, which partial indexes hold apart from finished ones: a
million finished requests do not slow them down. Counts are capped at COUNTED.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Count, F, Min, QuerySet
from django.db.models.functions import Coalesce, Now

from ca_bridge.connection import registry
from ca_bridge.models import SurplusCertificate
from identity_manager.events import forwarding
from identity_manager.jobs import sweep
from identity_manager.metrics.scrape import Scrape
from identity_manager.models import (
    AuditChain,
    AuditEvent,
    AuditHead,
    AuditHeadExport,
    CaOutage,
    JobOutcome,
    LiveProcess,
    MailState,
    OutgoingMail,
    ProcessKind,
    RequestState,
    SiemSink,
    SoftwareToken,
    TokenRequest,
    TokenState,
    WebhookDelivery,
    WebhookDeliveryState,
)
from identity_manager.models.lease import MAX_DELAY

COUNTED = 50_000
DUE_COUNTED = 1_000
STILL_TRIED = (
    2 * MAX_DELAY
)  # a destination without an attempt for this long is in no worker's settings any more
Values = Iterable[tuple[tuple[str, ...], float]]  # the labels, and the value

# Columns that say since when a request waits; the time of a failure is not stored.
WAITING_SINCE: dict[RequestState, F | Coalesce] = {
    RequestState.REQUESTED: Coalesce("round_started_at", "created_at"),
    RequestState.APPROVED: F("decided_at"),
    RequestState.AWAITING_ACCEPTANCE: F("decided_at"),
    RequestState.ISSUING: F("accepted_at"),
    RequestState.FAILED: F("accepted_at"),
    RequestState.ISSUED: F("issued_at"),
}
OPEN_TOKENS = (TokenState.ORDERED, TokenState.ISSUING, TokenState.SEALED, TokenState.ON_HOLD)
WAITING_MAILS = (MailState.QUEUED, MailState.FAILED, MailState.BOUNCED)


@dataclass(frozen=True)
class MetricDefinition:
    """One gauge. read: from a scrape to values by labels."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[Scrape], Values]


def _count(rows: QuerySet[Any], *, most: int = COUNTED) -> int:
    """Count rows, at most `most`."""
    return rows.order_by().values("pk")[:most].count()


def _age(moment: datetime | None, now: datetime) -> float:
    """Seconds since then; 0 where nothing waits or clocks differ."""
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0


# --- The road --------------------------------------------------------------------------------------
def _requests(_scrape: Scrape) -> Values:
    for state in WAITING_SINCE:
        yield (state.value,), _count(TokenRequest.objects.filter(state=state))


def _request_ages(scrape: Scrape) -> Values:
    for state, since in WAITING_SINCE.items():
        rows = TokenRequest.objects.filter(state=state).order_by("created_at")[:COUNTED]
        yield (state.value,), _age(rows.aggregate(oldest=Min(since))["oldest"], scrape.now)


def _tokens(_scrape: Scrape) -> Values:
    for state in OPEN_TOKENS:
        yield (state.value,), _count(SoftwareToken.objects.filter(state=state))


# --- Certificate authorities -----------------------------------------------------------------------
def _orders(scrape: Scrape) -> Values:
    return (((ca, str(state)), row["rows"]) for (ca, state), row in scrape.open_orders.items())


def _order_ages(scrape: Scrape) -> Values:
    return (
        ((ca, str(state)), _age(row["oldest"], scrape.now)) for (ca, state), row in scrape.open_orders.items()
    )


def _surplus(scrape: Scrape) -> Values:
    waiting = SurplusCertificate.objects.filter(revoked_at=None).exclude(not_after__lte=scrape.now)
    rows = waiting.values("order__ca").annotate(rows=Count("pk"))
    found = {row["order__ca"]: row["rows"] for row in rows}
    return (((ca,), found.get(ca, 0)) for ca in sorted({*registry.aliases(), *found}))


def _ca_up(scrape: Scrape) -> Values:
    return (((check.alias,), float(check.ok)) for check in scrape.ca_checks)


def _ca_checked(scrape: Scrape) -> Values:
    return (((check.alias,), check.checked_at.timestamp()) for check in scrape.ca_checks)


def _ca_ends(_scrape: Scrape) -> Values:
    for alias in sorted(registry.aliases()):
        for each in registry.expiries(alias):
            yield (alias, each.what.value, each.name), each.at.timestamp() if each.at else 0.0


def _ca_waits(scrape: Scrape) -> Values:
    since = dict(CaOutage.objects.open().values_list("alias", "since"))
    return (((alias,), _age(since.get(alias), scrape.now)) for alias in sorted(registry.aliases()))


# --- Mail ------------------------------------------------------------------------------------------
def _mails(_scrape: Scrape) -> Values:
    for state in WAITING_MAILS:
        yield (state.value,), _count(OutgoingMail.objects.filter(state=state))


def _mail_age(scrape: Scrape) -> Values:
    """Age of the oldest mail since it became sendable, so that months on hold do not count."""
    since = Min(Coalesce("waiting_since", "created_at"))
    yield (), _age(OutgoingMail.objects.queued().aggregate(oldest=since)["oldest"], scrape.now)


# --- The sweep and the jobs ------------------------------------------------------------------------
def _due(scrape: Scrape) -> Values:
    for task, rows in sweep.WORK.items():
        yield (task,), _count(rows().due(scrape.now), most=DUE_COUNTED)


def _due_ages(scrape: Scrape) -> Values:
    for task, rows in sweep.WORK.items():
        due = rows().due(scrape.now).order_by("next_attempt_at")
        yield (task,), _age(due.values_list("next_attempt_at", flat=True).first(), scrape.now)


def _job_last(scrape: Scrape) -> Values:
    return (((name,), row.finished_at.timestamp()) for name, row in scrape.job_runs if row.finished_at)


def _job_overdue(scrape: Scrape) -> Values:
    return (((name,), _age(row.next_attempt_at, scrape.now)) for name, row in scrape.job_runs)


def _job_failed(scrape: Scrape) -> Values:
    return (((name,), float(row.outcome == JobOutcome.FAILED)) for name, row in scrape.job_runs)


def _job_seconds(scrape: Scrape) -> Values:
    return (((name,), row.took.total_seconds()) for name, row in scrape.job_runs if row.took)


# --- The audit log ---------------------------------------------------------------------------------
def _unsealed(_scrape: Scrape) -> Values:
    yield (), _count(AuditEvent.objects.unsealed())


def _seal_lag(scrape: Scrape) -> Values:
    yield (), _age(AuditEvent.objects.unsealed().values_list("at", flat=True).first(), scrape.now)


def _head_age(scrape: Scrape) -> Values:
    """Seconds since the last signed head, or the first event without one; 0 where nothing is to be signed."""
    chain, head = AuditChain.objects.first(), AuditHead.objects.newest()
    if chain is None or chain.number <= (head.number if head else 0):
        yield (), 0.0
    elif head is not None:
        yield (), _age(head.signed_at, scrape.now)
    else:
        yield (), _age(AuditEvent.objects.sealed().values_list("at", flat=True).first(), scrape.now)


def _heads_to_carry(scrape: Scrape) -> Values:
    """Signed heads to be exported by destination.

    A destination that is up to date, or that no settings name any more, has none. The one that was served
    last still counts, so that workers that lost the setting are noticed.
    """
    newest, places = AuditHead.objects.newest(), AuditHeadExport.objects.order_by("destination")
    last = places.exclude(exported_at=None).order_by("exported_at").last()
    for number, row in enumerate(places):
        is_tried = row.next_attempt_at is not None and row.next_attempt_at > scrape.now - STILL_TRIED
        is_meant = row == last or row.destination in settings.AUDIT_HEAD_EXPORT
        waits = is_tried or (is_meant and _is_left_behind(row, scrape.now))
        yield (str(number),), max(0, newest.number - row.number) if newest and waits else 0


def _is_left_behind(place: AuditHeadExport, now: datetime) -> bool:
    """Whether a head waits longer than the retry delay of a destination explains."""
    waiting = AuditHead.objects.beyond(place.number).first()
    return waiting is not None and waiting.signed_at <= now - STILL_TRIED


def _siem_behind(_scrape: Scrape) -> Values:
    rows = {row.name: row for row in SiemSink.objects.configured()}
    for name in settings.SIEM_SINKS:
        yield (name,), forwarding.behind(rows.get(name, SiemSink(name=name)))


def _deliveries(_scrape: Scrape) -> Values:
    for state in (WebhookDeliveryState.WAITING, WebhookDeliveryState.PARKED):
        yield (state.value,), WebhookDelivery.objects.filter(state=state)[:COUNTED].count()


# --- Backups ---------------------------------------------------------------------------------------
def _backup_age(scrape: Scrape) -> Values:
    made_at = scrape.last_backup.made_at
    if made_at is not None:
        yield (), _age(made_at, scrape.now)


def _backup_failed(scrape: Scrape) -> Values:
    yield (), float(scrape.last_backup.has_failed)


def _backup_overdue(scrape: Scrape) -> Values:
    yield (), float(scrape.last_backup.is_overdue(scrape.now))


# --- Processes -------------------------------------------------------------------------------------
def _processes(_scrape: Scrape) -> Values:
    rows = LiveProcess.objects.alive(Now()).values("kind").annotate(rows=Count("pk"))
    found = {row["kind"]: row["rows"] for row in rows}
    return (((kind,), found.get(kind, 0)) for kind in ProcessKind.values)


def _figure(
    name: str, text: str, labels: tuple[str, ...], read: Callable[[Scrape], Values]
) -> MetricDefinition:
    return MetricDefinition(f"identity_manager_{name}", text, labels, read)


FIGURES: tuple[MetricDefinition, ...] = (
    _figure("requests", "Requests that have not ended, by state.", ("state",), _requests),
    _figure(
        "request_oldest_seconds",
        "How long the oldest request of the state has waited in it. requested: since it was made, or started "
        "again with new data; approved, awaiting_acceptance: since it was approved; issuing, failed: since "
        "it was accepted; issued: since then. 0: there is none.",
        ("state",),
        _request_ages,
    ),
    _figure("tokens", "Tokens in progress or on hold, by state.", ("state",), _tokens),
    _figure("ca_orders", "Open orders at certificate authorities.", ("ca", "state"), _orders),
    _figure(
        "ca_order_oldest_seconds",
        "Age of the oldest open order. 0: there is none.",
        ("ca", "state"),
        _order_ages,
    ),
    _figure(
        "ca_surplus_certificates",
        "Surplus certificates: issued, used by no token, and waiting to be revoked.",
        ("ca",),
        _surplus,
    ),
    _figure("ca_up", "1 if the authority answered the last health check, else 0.", ("ca",), _ca_up),
    _figure("ca_checked_timestamp_seconds", "Time of the last health check.", ("ca",), _ca_checked),
    _figure(
        "ca_ends_timestamp_seconds",
        "Expiry of items of the embedded certificate authority: certificates of the present issuing CA and "
        "its issuers (certificate), each CRL (crl; 0: there is none), each OCSP signer (ocsp-signer).",
        ("ca", "what", "name"),
        _ca_ends,
    ),
    _figure(
        "ca_silent_seconds",
        "How long the authority has not answered, while its circuit breaker is open; else 0.",
        ("ca",),
        _ca_waits,
    ),
    _figure(
        "mails", "Mails that wait to be sent (queued) or were not delivered, by state.", ("state",), _mails
    ),
    _figure(
        "mail_oldest_seconds",
        "Age of the oldest mail that is due. A retried mail counts from the retry, a file that was held back "
        "from the end of the hold.",
        (),
        _mail_age,
    ),
    _figure(
        "work_due",
        f"Rows that are due for a task and not leased by a worker, up to {DUE_COUNTED}.",
        ("task",),
        _due,
    ),
    _figure("work_oldest_seconds", "How long a task's oldest due row has been due.", ("task",), _due_ages),
    _figure("job_last_run_timestamp_seconds", "When the periodic job ended last.", ("job",), _job_last),
    _figure("job_overdue_seconds", "How long the periodic job has been overdue.", ("job",), _job_overdue),
    _figure("job_failed", "1 if the job's last run failed, else 0.", ("job",), _job_failed),
    _figure("job_duration_seconds", "How long the job's last run took.", ("job",), _job_seconds),
    _figure("audit_unsealed_events", "Events of the audit log that are not sealed yet.", (), _unsealed),
    _figure("audit_seal_lag_seconds", "Age of the oldest event that is not sealed.", (), _seal_lag),
    _figure(
        "audit_head_age_seconds",
        "Time since the last signature (head) of the audit log, if it has grown since; without a signature, "
        "since its first event; else 0.",
        (),
        _head_age,
    ),
    _figure(
        "audit_head_export_lag_events",
        "Number of events by which each destination of signatures of the audit log is behind, by its number "
        "in AUDIT_HEAD_EXPORT. If no worker has the setting any more, the destination that last got a "
        "signature continues to fall behind.",
        ("destination",),
        _heads_to_carry,
    ),
    _figure(
        "siem_behind_events",
        "Number of sealed audit events that the SIEM sink has not confirmed, by its name in SIEM_SINKS.",
        ("sink",),
        _siem_behind,
    ),
    _figure(
        "webhook_deliveries", "Deliveries of webhooks that are waiting or parked.", ("state",), _deliveries
    ),
    _figure("backup_age_seconds", "Age of the last backup; absent without one.", (), _backup_age),
    _figure("backup_failed", "1 if the last backup failed, else 0.", (), _backup_failed),
    _figure(
        "backup_overdue",
        "1 if there is no backup from the last BACKUP_WITHIN_HOURS hours, else 0.",
        (),
        _backup_overdue,
    ),
    _figure("processes", "Processes with a sign of life within the last minute.", ("kind",), _processes),
)
