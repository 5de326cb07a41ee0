"""Circuit breaker for each CA, stored in the database (models.CaOutage).

It opens after FAULTS_TO_OPEN transient faults in a row: orders then wait and use up no attempts. While it is
open, one order at a time goes through as a probe, at growing intervals; the first answer, a refusal included,
closes it and waiting orders become due. A successful health check allows a probe at once, and closes the
breaker only where no order waits, because a health check may need less of the CA than an order. Each change
is a conditional update: among many workers exactly one opens, probes and closes. Revocations do not pass
through the breaker.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from ca_bridge.connection import faults
from ca_bridge.contract import Answer, Unknown
from ca_bridge.database.prepared_queries import Statement
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from identity_manager import audit
from identity_manager.authorities import connections
from identity_manager.models import CaCheck, CaOutage, Certificate, Person
from identity_manager.models.requests.certificate import CertificateQuerySet
from identity_manager.transactions import locking

FAULTS_TO_OPEN = 5
FIRST_PROBE_AFTER = timedelta(seconds=10)
LONGEST_PROBE_INTERVAL = timedelta(minutes=2)
DETAIL_LENGTH = 2000
AT_ONCE = 5000
_WITH_FAULTS = Statement[CaOutage](lambda: CaOutage.objects.filter(faults__gt=0))


def to_be_issued() -> CertificateQuerySet:
    """Certificates to be issued now: those of CAs with a closed breaker, and the probes that are due."""
    rows = Certificate.objects.to_be_issued()
    silent = dict(CaOutage.objects.open().values_list("alias", "trial_at"))
    if not silent:
        return rows
    now = timezone.now()
    trials = [_next_probe(alias, now) for alias, at in silent.items() if at is not None and at <= now]
    return rows.filter(~Q(profile__ca__in=silent) | Q(pk__in=[pk for pk in trials if pk is not None]))


def _next_probe(alias: str, now: datetime) -> UUID | None:
    """The oldest due certificate of that CA, without parked ones, which would not call it."""
    waiting = Certificate.objects.to_be_issued().filter(profile__ca=alias, order__parked_at=None)
    return waiting.to_be_requeued(now).values_list("pk", flat=True).first()


def in_trouble() -> dict[str, CaOutage]:
    """CAs by alias with at least one fault since their last answer; their breaker may be open or closed."""
    return {row.alias: row for row in _WITH_FAULTS.rows()}


def allow_calls(certificates: Iterable[Certificate], troubled: dict[str, CaOutage]) -> list[Certificate]:
    """Certificates whose orders may go to their CA now: all of a closed breaker, one probe of an open one."""
    silent = {alias: row for alias, row in troubled.items() if row.is_open}
    passing = []
    for certificate in certificates:
        outage = silent.get(certificate.profile.ca)
        if outage is None or _claim_probe(outage):
            passing.append(certificate)
    return passing


def _claim_probe(silent: CaOutage) -> bool:
    now = timezone.now()
    same = CaOutage.objects.filter(alias=silent.alias, trial_at=silent.trial_at, trial_at__lte=now)
    return bool(same.update(trial_at=now + _probe_interval(silent.trials + 1), trials=F("trials") + 1))


def _probe_interval(trials: int) -> timedelta:
    doubled: timedelta = FIRST_PROBE_AFTER * 2 ** min(trials, 10)
    return min(doubled, LONGEST_PROBE_INTERVAL)


def record_outcome(ca: str, order_id: UUID, outcome: Answer | CaError) -> None:
    """Count the outcome of an order as a fault or an answer of its CA; neither if it was parked unasked."""
    if isinstance(outcome, CaError) and not outcome.permanent:
        said = outcome.words
        record_fault(ca, detail=said, fault=faults.of_error(outcome) or "")
    elif isinstance(outcome, Unknown):
        if not CaOrder.objects.parked().filter(pk=order_id).exists():
            record_fault(ca, detail=outcome.detail, fault=faults.of_words(outcome.detail) or "")
    elif not isinstance(outcome, CaError):
        record_answer(ca)


def record_outcomes(
    outcomes: Iterable[tuple[str, UUID, Answer | CaError]], troubled: Collection[str]
) -> None:
    """As record_outcome, for several orders. troubled: the CAs that had faults before the calls.

    An answer of any other CA needs no write, unless one of these orders was a fault of it.
    """
    noted = {*troubled}
    for ca, order_id, outcome in outcomes:
        if isinstance(outcome, CaError | Unknown):
            noted.add(ca)
        if ca in noted:
            record_outcome(ca, order_id, outcome)


def record_fault(alias: str, *, detail: str, fault: str) -> None:
    """Count a fault; open the breaker at FAULTS_TO_OPEN."""
    now = timezone.now()
    with transaction.atomic():
        CaOutage.objects.get_or_create(alias=alias, defaults={"since": now, "last_at": now})
        CaOutage.objects.filter(alias=alias, faults=0).update(since=now)
        CaOutage.objects.filter(alias=alias).update(
            faults=F("faults") + 1, last_at=now, detail=detail[:DETAIL_LENGTH], fault=fault
        )
        closed = CaOutage.objects.filter(alias=alias, opened_at=None, faults__gte=FAULTS_TO_OPEN)
        if closed.update(opened_at=now, trial_at=now + FIRST_PROBE_AFTER, trials=0):
            audit.record(
                audit.Event.CA_SILENT, actor=None, subject=None, ca=alias, detail=detail, fault=fault
            )


def record_answer(alias: str) -> None:
    """Close the breaker and reset the count of faults. A single query if there were none."""
    if not CaOutage.objects.filter(alias=alias, faults__gt=0).exists():
        return
    with transaction.atomic():
        since = CaOutage.objects.open().filter(alias=alias).values_list("since", flat=True).first()
        waited = CaOutage.objects.open().filter(alias=alias).update(opened_at=None, trial_at=None)
        CaOutage.objects.filter(alias=alias).update(faults=0)
        if waited:
            _make_due_now(alias)
            audit.record(
                audit.Event.CA_ANSWERS_AGAIN,
                actor=None,
                subject=None,
                ca=alias,
                since=since.isoformat() if since else "",
            )


def _make_due_now(alias: str) -> None:
    """Make certificates due now that wait because of this CA's faults; pending orders keep their time."""
    now = timezone.now()
    everything = Certificate.objects
    for rows in (
        everything.to_be_issued().exclude(order__state=CaOrder.State.PENDING),
        everything.to_be_revoked(),
        everything.to_be_held_or_released(),
    ):
        late = rows.filter(profile__ca=alias, leased_until=None, next_attempt_at__gt=now)
        found = locking.skip_locked(late, limit=AT_ONCE)
        everything.filter(pk__in=found).update(next_attempt_at=now, nudged_at=None)


def check_all() -> str:
    """Job: health check of every CA. Returns those that failed, in words."""
    rows = connections.check_all()
    for row in rows:
        record_check(row)
    return "; ".join(f"{row.alias}: {row.detail}" for row in rows if not row.ok)


def check(*, actor: Person, alias: str) -> CaCheck:
    """Health check of one CA by an officer. Call it outside any transaction. Raises NotAllowed."""
    row = connections.test(actor=actor, alias=alias)
    record_check(row)
    return row


def record_check(row: CaCheck) -> None:
    """Apply a health check to the breaker: count a fault, allow a probe now, or close the breaker."""
    if not row.ok:
        record_fault(row.alias, detail=row.detail, fault=row.fault)
    elif _has_waiting_orders(row.alias):
        now = timezone.now()
        with transaction.atomic():
            CaOutage.objects.open().filter(alias=row.alias).update(trial_at=now)
            _make_due_now(row.alias)
    else:
        record_answer(row.alias)


def _has_waiting_orders(alias: str) -> bool:
    """Whether the breaker is open and an order waits that can be the probe."""
    waiting = Certificate.objects.to_be_issued().filter(profile__ca=alias, order__parked_at=None)
    return CaOutage.objects.open().filter(alias=alias).exists() and waiting.exists()
