"""News of a comparison: what no complete one before it has found is told to System Administrators, once.

A finding is known again by its kind, entry and certificate. Where there are more of a kind than have rows,
the numbers are compared.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.utils.text import format_lazy

from identity_manager.mail import outbox, target_messages
from identity_manager.models import DriftFinding, DriftKind, DriftRun, Person, Role
from identity_manager.models.words import Words
from identity_manager.targets import connectors

SHOWN = 1000  # findings of a kind that get a row; all are counted
AT_ONCE = 500  # rows of one statement
NAMED_BY = ("kind", "placement_id", "name", "fingerprint_sha256")


def tell(run: DriftRun) -> None:
    """Write since when each finding of the run is known, and mail what is new, in the caller's transaction.

    A run that was cut short is told where the one before it was not: its numbers say nothing.
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
    for officer in Person.objects.holding(Role.SYSTEM_ADMINISTRATOR):
        mail = target_messages.target_drift(run, officer, name=name, found=found, error=error)
        outbox.enqueue(mail)


def _news(run: DriftRun, before: DriftRun | None) -> list[Words]:
    """How many of each kind are new, in the order of the kinds."""
    new = Counter(row.kind for row in _dated(run, before) if row.since == run.started_at)
    for kind in DriftKind:
        earlier = before.counts.get(kind, 0) if before else 0
        if max(earlier, run.counts.get(kind, 0)) > SHOWN:
            new[kind] = max(0, run.counts.get(kind, 0) - earlier)
    return [
        format_lazy("{number} × {kind}", number=new[kind], kind=kind.label) for kind in DriftKind if new[kind]
    ]


def _dated(run: DriftRun, before: DriftRun | None) -> Sequence[DriftFinding]:
    """The findings of the run, each with the moment since when it is known."""
    known: dict[tuple[object, ...], datetime | None] = {}
    if before is not None:
        named = before.findings.values_list(*NAMED_BY, "since")
        known = {tuple(names): since for *names, since in named}
    rows = list(run.findings.all())
    for row in rows:
        row.since = known.get(tuple(getattr(row, name) for name in NAMED_BY), run.started_at)
    DriftFinding.objects.bulk_update(rows, ["since"], batch_size=AT_ONCE)
    return rows
