"""Drift detection: compares a survey of a target with the journal of placements; reports, never repairs.

Entries are read and compared page by page, so that memory is bounded. An incomplete survey is an error, and
no placement counts as vanished. System Administrators get a mail about new findings (drift_news.py).
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ca_bridge.database.state_machine import save_many
from identity_manager import audit
from identity_manager.models import (
    AuditEvent,
    DriftFinding,
    DriftKind,
    DriftRun,
    Placement,
    PlacementState,
    Target,
)
from identity_manager.models.targets.placement import MAY_BE_THERE
from identity_manager.targets import connectors
from identity_manager.targets.contract import Held, TargetError
from identity_manager.transactions import locking
from identity_manager.workflow.targets import drift_news

PAGE = 500
LONGEST_NAME = 500  # of the column
KNOWN_THERE = (*MAY_BE_THERE, PlacementState.FOREIGN)
RUNS_KEPT = 30
WITH_PERSON = ("certificate__token__request__person__audit_salt",)


def survey_all() -> int:
    """Job: survey every target with placements; return the number of targets that differ from the journal."""
    names = [name for name, each in settings.TARGETS.items() if not each.takes_keys]
    rows = Target.objects.filter(name__in=names, placements__isnull=False).distinct()
    return sum(bool(survey(target).counts) for target in rows)


def survey(target: Target) -> DriftRun:
    """Compare one target with the journal; store the run and its findings."""
    run = DriftRun.objects.create(target=target)
    comparison = _Comparison(run)
    configuration = connectors.configuration_of(target.name)
    if configuration is None:
        return run
    connector = connectors.connector_of(configuration)
    try:
        for page in _pages(connector.survey()):
            comparison.compare_page(page)
        comparison.lose_unseen()
    except TargetError as error:
        run.error = error.words
    finally:
        connector.close()
    comparison.end()
    return run


def _pages(entries: Iterable[Held]) -> Iterable[Sequence[Held]]:
    iterator = iter(entries)
    while page := list(islice(iterator, PAGE)):
        yield page


class JournalledPlacement(NamedTuple):
    """Placement of a certificate, as the journal has it."""

    pk: uuid.UUID
    place: str
    state: str


@dataclass
class _Comparison:
    """State of one run. read: number of entries. counts: findings by kind."""

    run: DriftRun
    read: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def compare_page(self, page: Sequence[Held]) -> None:
        """Compare one page of entries; save its findings in one transaction."""
        ours = self._ours({each for held in page for each in held.fingerprints})
        findings, seen = list[DriftFinding](), list[JournalledPlacement]()
        for held in page:
            findings += self._of_entry(held, ours, seen)
        with transaction.atomic():
            Placement.objects.filter(pk__in=[row.pk for row in seen]).update(seen_in=self.run.pk)
            self._find_again([row.pk for row in seen if row.state == PlacementState.VANISHED])
            DriftFinding.objects.bulk_create(findings)
        self.read += len(page)

    def _ours(self, prints: Iterable[str]) -> dict[str, JournalledPlacement]:
        """Placements at this target by fingerprint or mark, two queries."""
        rows, asked = Placement.objects.filter(target=self.run.target).order_by(), list(prints)
        found: dict[str, JournalledPlacement] = {}
        for name in ("certificate__fingerprint_sha256", "mark"):
            named = rows.filter(**{f"{name}__in": asked}).values_list(name, "pk", "place", "state")
            found |= {mark: JournalledPlacement(pk, place, state) for mark, pk, place, state in named}
        return found

    def _of_entry(
        self, held: Held, ours: Mapping[str, JournalledPlacement], seen: list[JournalledPlacement]
    ) -> Iterator[DriftFinding]:
        has_ours = False
        for each in held.fingerprints:
            row = ours.get(each)
            if row is None or row.state not in KNOWN_THERE:
                yield from self._count(DriftKind.FOREIGN, held, fingerprint=each)
            elif row.place != held.place:
                yield from self._count(DriftKind.ELSEWHERE, held, row.pk, each)
            else:
                has_ours = True
                seen.append(row)
        if has_ours and held.has_older:
            yield from self._count(DriftKind.OLDER, held, seen[-1].pk)

    def _count(
        self, kind: DriftKind, held: Held, placement: uuid.UUID | None = None, fingerprint: str = ""
    ) -> Iterator[DriftFinding]:
        self.counts[kind] += 1
        if self.counts[kind] <= drift_news.SHOWN:
            yield DriftFinding(
                run=self.run,
                kind=kind,
                placement_id=placement,
                name=held.name[:LONGEST_NAME],
                fingerprint_sha256=fingerprint,
            )

    def _find_again(self, keys: Sequence[uuid.UUID]) -> None:
        """Set vanished placements to *there* again: somebody else or a restore brought the entry back."""
        rows = [row for row in locking.placements(keys) if row.state == PlacementState.VANISHED]
        for row in rows:
            row.mark_published(now=timezone.now())
        save_many(rows)

    def lose_unseen(self) -> None:
        """Set our placements that a complete survey did not see to *vanished*, page by page."""
        before = Placement.objects.filter(target=self.run.target, there_at__lt=self.run.started_at)
        unseen = before.filter(state=PlacementState.THERE).exclude(seen_in=self.run.pk)
        while keys := list(unseen.order_by("pk").values_list("pk", flat=True)[:PAGE]):
            self._lose(keys)

    def _lose(self, keys: Sequence[uuid.UUID]) -> None:
        with transaction.atomic():
            rows = [row for row in locking.placements(keys) if row.state == PlacementState.THERE]
            for row in rows:
                row.mark_missing()
            save_many(rows)
            self.counts[DriftKind.VANISHED] += len(rows)
            room = max(0, drift_news.SHOWN - self.counts[DriftKind.VANISHED] + len(rows))
            DriftFinding.objects.bulk_create(
                DriftFinding(run=self.run, kind=DriftKind.VANISHED, placement=row) for row in rows[:room]
            )
            audit.append(list(self._vanished(row.pk for row in rows)))

    def _vanished(self, keys: Iterable[uuid.UUID]) -> Iterator[AuditEvent]:
        for row in Placement.objects.filter(pk__in=list(keys)).select_related(*WITH_PERSON):
            yield audit.event_about(
                audit.Event.PLACEMENT_VANISHED,
                actor=None,
                subject=row.certificate.token,
                target=self.run.target.name,
                certificate=str(row.certificate_id),
                serial=row.certificate.serial,
            )

    def end(self) -> None:
        """Save the run, mail new findings, and delete old findings and all but RUNS_KEPT runs.

        The last complete run keeps its findings: the next run is compared with it.
        """
        self.run.read, self.run.counts, self.run.ended_at = self.read, dict(self.counts), timezone.now()
        with transaction.atomic():
            self.run.save()
            drift_news.tell(self.run)
            kept = DriftRun.objects.filter(target=self.run.target).values_list("pk", flat=True)[:RUNS_KEPT]
            DriftRun.objects.filter(target=self.run.target).exclude(pk__in=list(kept)).delete()
            complete = DriftRun.objects.complete().newest_of(self.run.target)
            shown = {self.run.pk, *([complete.pk] if complete else ())}
            DriftFinding.objects.filter(run__target=self.run.target).exclude(run__in=shown).delete()
            audit.record(
                audit.Event.TARGET_SURVEYED,
                actor=None,
                subject=None,
                target=self.run.target.name,
                counts=self.run.counts,
            )
