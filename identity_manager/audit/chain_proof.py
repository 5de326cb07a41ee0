"""The proof in an audit pack: content hashes of a part of the log, between two signed heads.

With them a verifier computes every link and compares the last one with the head: no event was removed in
between, and each event of the pack is as it was sealed (`python -m identity_manager.audit_proof PACK.zip`).
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, Min, QuerySet

from identity_manager import audit_proof
from identity_manager.audit import evidence
from identity_manager.models import AuditEvent, AuditHead
from identity_manager.models.audit.audit_event import AuditEventQuerySet
from identity_manager.models.identifiers import first_id_of

LEEWAY = timedelta(hours=1)  # between an event's time and the time in its UUIDv7


@dataclass(frozen=True)
class ChainSegment:
    """Sealed events after `after` up to `last`, both covered by heads; empty where last is not larger.

    after: 0, or the number of a head.  chain: the link there.  not_covered: later events of the period.
    """

    after: int
    chain: str
    last: int
    not_covered: int

    @property
    def events(self) -> QuerySet[AuditEvent]:
        return AuditEvent.objects.sealed().filter(number__gt=self.after, number__lte=self.last)

    @property
    def heads(self) -> QuerySet[AuditHead]:
        return AuditHead.objects.filter(number__gte=self.after, number__lte=self.last).order_by("number")


def part_of(since: datetime, until: datetime) -> ChainSegment:
    """The part that holds every event from since until before until, as far as heads cover it."""
    rows = in_period(since, until)
    ends = rows.filter(number__isnull=False).order_by().aggregate(first=Min("number"), last=Max("number"))
    if ends["first"] is None:
        return ChainSegment(0, audit_proof.BEGINNING, 0, rows.count())
    before = AuditHead.objects.filter(number__lt=ends["first"]).order_by("-number").first()
    after, chain = (before.number, before.chain) if before else (0, audit_proof.BEGINNING)
    covering = AuditHead.objects.covering(ends["last"]) or AuditHead.objects.newest()
    last = max(covering.number, after) if covering else after
    outside = rows.exclude(number__isnull=False, number__lte=last).order_by().count()
    return ChainSegment(after, chain, last, outside)


def in_period(since: datetime, until: datetime) -> AuditEventQuerySet:
    """Events of the period; their identifiers are made a moment before or after their time."""
    rows = AuditEvent.objects.filter(at__gte=since, at__lt=until)
    return rows.filter(pk__gte=first_id_of(since - LEEWAY), pk__lt=first_id_of(until + LEEWAY))


def chain_lines(part: ChainSegment) -> Iterator[str]:
    """Yield the start of the part (number, link) as JSON, then the content hash of each event, in order."""
    yield json.dumps(
        {"installation": settings.CONSOLE_BASE_URL, "number": part.after, "chain": part.chain}, sort_keys=True
    )
    yield from part.events.values_list("content_sha256", flat=True).iterator(chunk_size=2000)


def event_lines(part: ChainSegment, names: Collection[str]) -> Iterator[str]:
    """The sealed content of the events with these names, as JSON."""
    for event in part.events.filter(name__in=names).iterator(chunk_size=500):
        yield json.dumps(evidence.as_sealed(event), sort_keys=True)
