"""Metrics of processes: counters summed over all processes, and gauges of live ones."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Self

from django.db import connection, models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from identity_manager.models.identifiers import new_id

ALIVE = timedelta(minutes=1)
FORGOTTEN = timedelta(hours=1)
Key = tuple[str, str]  # the name and the labels, as ProcessTotal has them


class ProcessTotalQuerySet(models.QuerySet["ProcessTotal"]):
    def add(self, growth: Mapping[Key, float]) -> None:
        """Add the increments of one process to the totals, all or none.

        Sorted, so that two processes cannot deadlock.
        """
        table = connection.ops.quote_name(self.model._meta.db_table)
        statement = (
            f"INSERT INTO {table} (name, labels, value) VALUES (%s, %s, %s) "  # noqa: S608 a name of our own
            f"ON CONFLICT (name, labels) DO UPDATE SET value = {table}.value + excluded.value"
        )
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(statement, [(*key, growth[key]) for key in sorted(growth)])


class ProcessTotal(models.Model):
    """One sample of a counter or histogram, summed over all processes, past ones included."""

    name = models.CharField(max_length=100)
    labels = models.CharField(max_length=300, help_text="a JSON object, its names in order")
    value = models.FloatField()

    objects = ProcessTotalQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "labels"], name="process_total_once")]

    def __str__(self) -> str:
        return f"{self.name}{self.labels}"


class ProcessKind(models.TextChoices):
    WEB = "web"
    WORKER = "worker"


class LiveProcessQuerySet(models.QuerySet["LiveProcess"]):
    def alive(self, now: datetime | Now) -> Self:
        """Processes seen within a minute."""
        return self.filter(seen_at__gt=now - ALIVE)

    def forgettable(self, now: datetime) -> Self:
        """Processes silent for an hour."""
        return self.filter(seen_at__lte=now - FORGOTTEN)


class LiveProcess(models.Model):
    """A live web or worker process and its gauges: [[name, labels, value], ...].

    seen_at: by the clock of the database; clock_ahead: seconds by which the clock of the process is ahead of
    it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=16, choices=ProcessKind)
    host = models.CharField(max_length=100)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    gauges = models.JSONField(default=list)
    clock_ahead = models.FloatField(null=True)

    objects = LiveProcessQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=ProcessKind.values), name="live_process_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.host}"


def gauges_of(processes: Iterable[LiveProcess]) -> dict[Key, float]:
    """Gauges summed over live processes."""
    together: dict[Key, float] = {}
    for process in processes:
        for name, labels, value in process.gauges:
            together[name, labels] = together.get((name, labels), 0) + value
    return together


def furthest_off(clocks: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """The largest clock_ahead of each name, either way; the previous version reports none."""
    worst: dict[str, float] = {}
    for name, ahead in clocks:
        if ahead is not None:
            worst[name] = max(worst.get(name, 0.0), ahead, key=abs)
    return worst
