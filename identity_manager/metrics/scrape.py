"""One scrape: its time, and cached rows that several gauges use."""

from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Count, Min

from ca_bridge.connection import registry
from ca_bridge.models import CaOrder
from identity_manager.jobs import runner as jobs
from identity_manager.models import CaCheck, JobRun, LastBackup


class Scrape:
    """Rows are read when the first gauge needs them. now: the time of the scrape."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    @cached_property
    def job_runs(self) -> list[tuple[str, JobRun]]:
        """The row of each job by name, sorted; unsaved for a job that has never run."""
        return sorted(jobs.rows().items())

    @cached_property
    def last_backup(self) -> LastBackup:
        return LastBackup.read()

    @cached_property
    def ca_checks(self) -> list[CaCheck]:
        """Last health check of each configured CA: when, and whether it answered; by alias."""
        return list(CaCheck.objects.filter(alias__in=registry.aliases()).order_by("alias"))

    @cached_property
    def open_orders(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Number of open orders by CA and state, with zeros for configured CAs."""
        rows = CaOrder.objects.filter(state__in=CaOrder.OPEN).order_by().values("ca", "state")
        counted = rows.annotate(rows=Count("pk"), oldest=Min("created_at"))
        found: dict[tuple[str, str], dict[str, Any]] = {(row["ca"], row["state"]): {**row} for row in counted}
        aliases = {*registry.aliases(), *(ca for ca, _state in found)}
        nothing = {"rows": 0, "oldest": None}
        return {
            (ca, state): found.get((ca, state), nothing) for ca in sorted(aliases) for state in CaOrder.OPEN
        }
