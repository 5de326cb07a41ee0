"""Mails about new drift: a finding that the last complete run did not have is mailed once.

A finding is identified by kind, entry and certificate. If a kind has more findings than rows (SHOWN), the
numbers are compared instead.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.utils.text import format_lazy

from identity_manager.mail import outbox
from identity_manager.mail.messages import target_messages
from identity_manager.models import DriftFinding, DriftKind, DriftRun, Person, Role
from identity_manager.models.words import Words
from identity_manager.targets import connectors

SHOWN = 1000  # rows per kind of finding; the count has all
AT_ONCE = 500  # rows of one statement
NAMED_BY = ("kind", "placement_id", "name", "fingerprint_sha256")


def tell(run: DriftRun) -> None:
    """Set `since` of each finding of the run, and enqueue mails about new ones, in the caller's transaction.

    An incomplete run has no valid numbers: only its error is mailed, if the run before it had none.
    """
    before = DriftRun.objects.filter(target=run.target, started_at__lt=run.started_at)
    if run.error:
        last = before.first()
        found, error = list[Words](), run.error if last is None or not last.error else ""
    else:
        found, error = _news(run, before.complete().first()), ""
    if not found and not error:
        return
    configuration = connectors.configuration_of(run.target.name)
    name = configuration.name if configuration else run.target.name
    outbox.enqueue_each(
        target_messages.target_drift(run, officer, name=name, found=found, error=error)
        for officer in Person.objects.holding(Role.SYSTEM_ADMINISTRATOR)
    )


def _news(run: DriftRun, before: DriftRun | None) -> list[Words]:
    """Number of new findings per kind, in words, in the order of the kinds."""
    new = Counter(row.kind for row in _dated(run, before) if row.since == run.started_at)
    for kind in DriftKind:
        earlier = before.counts.get(kind, 0) if before else 0
        if max(earlier, run.counts.get(kind, 0)) > SHOWN:
            new[kind] = max(0, run.counts.get(kind, 0) - earlier)
    return [
        format_lazy("{number} × {kind}", number=new[kind], kind=kind.label) for kind in DriftKind if new[kind]
    ]


def _dated(run: DriftRun, before: DriftRun | None) -> Sequence[DriftFinding]:
    """Findings of the run, with `since` saved: the run that first had the same finding without a gap."""
    known: dict[tuple[object, ...], datetime | None] = {}
    if before is not None:
        named = before.findings.values_list(*NAMED_BY, "since")
        known = {tuple(names): since for *names, since in named}
    rows = list(run.findings.all())
    for row in rows:
        row.since = known.get(tuple(getattr(row, name) for name in NAMED_BY), run.started_at)
    DriftFinding.objects.bulk_update(rows, ["since"], batch_size=AT_ONCE)
    return rows
