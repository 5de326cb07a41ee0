"""Batch order pages: list, progress, result of each line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from identity_manager.console.access import batches, offices
from identity_manager.console.batch import aftermath, allowances, facts, letter_views
from identity_manager.console.batch.line_columns import COLUMNS, shown_lines, word_of
from identity_manager.console.enable.page import strips_sentence
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists import counting, pagination
from identity_manager.models import (
    BatchKind,
    BatchLine,
    BatchOrder,
    BatchShard,
    BatchState,
    LineOutcome,
    Person,
)
from identity_manager.models.batch.line import BatchLineQuerySet
from identity_manager.models.batch.order import ENDED
from identity_manager.people.sign_in import prediction
from identity_manager.queries import mail_domains, request_progress
from identity_manager.ui.context import BATCH_READERS
from identity_manager.ui.parts import Tab
from identity_manager.workflow.batch import askers, pacing
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.batch.kinds import kind_of

PER_PAGE = pagination.PAGE_SIZE
MAIL_FILES = (BatchKind.ENABLE, BatchKind.RENEW, BatchKind.REPLACE, BatchKind.RESEND)


@dataclass(frozen=True)
class OrderRow:
    """One order of the list."""

    order: BatchOrder
    what: str
    counts: list[tuple[str | Promise, int]]
    nobody_ready: bool


@dataclass(frozen=True)
class Progress:
    """Progress in entries of the dry run, then in lines. eta: when it will be done, where that is known."""

    words: str
    state: str
    done: int
    total: int
    eta: datetime | None = None


@dataclass(frozen=True)
class KeysetPage:
    """A keyset page of lines, with links to the previous and next one; nothing is counted."""

    rows: list[BatchLine]
    before: str
    after: str


def listing(rows: Iterable[BatchOrder]) -> list[OrderRow]:
    """The orders, with number of persons by outcome."""
    orders = list(rows)
    alive = [order.pk for order in orders if order.state not in ENDED]
    counted = BatchLine.objects.counted(alive) if alive else {}
    return [_row(order, counted.get(order.pk, order.counts)) for order in orders]


def _row(order: BatchOrder, counts: dict[str, int]) -> OrderRow:
    return OrderRow(order, what_of(order), _in_words(order, counts), _nobody_ready(order, counts))


def _nobody_ready(order: BatchOrder, counts: dict[str, int]) -> bool:
    """Whether it cannot be started, because the dry run found nobody eligible."""
    return order.state == BatchState.CHECKED and not counts.get(LineOutcome.READY)


def what_of(order: BatchOrder) -> str:
    """Kind of the order in words; of an order that enables, its token types."""
    return types_of(order) if order.kind == BatchKind.ENABLE else str(order.get_kind_display())


def context(actor: Person, order: BatchOrder, form: VerbForm, *, asked: dict[str, str]) -> dict[str, Any]:
    """For the page of one order."""
    counts = _counts(order)
    chosen = asked.get("outcome", "")
    chosen = chosen if chosen in LineOutcome.values else ""
    page = keyset(_lines(actor, order, chosen), asked, {"outcome": chosen} if chosen else {})
    return {
        "tab": "batch_orders",
        "order": order,
        "form": form,
        "kind": kind_of(order),
        "what": what_of(order),
        "types": types_of(order),
        "facts": list(facts.of_order(order)),
        "progress": progress(order, counts),
        "fault": _fault(order),
        "ready": counts.get(LineOutcome.READY, 0),
        "nobody_ready": _nobody_ready(order, counts),
        "tabs": list(_tabs(order, counts, chosen)),
        "page": page,
        "table": COLUMNS.draw(actor, shown_lines(order, page.rows)),
        "aftermath": aftermath.of_order(actor, order) if order.started_at else None,
        "starts": order.asked_by_id == actor.pk and askers.gives_orders(actor, office=order.office),
        "manages": askers.may_manage(actor, order),
        "decides": batch_orders.decision_obstacle(actor=actor, order=order) is None,
        "stopped": batch_orders.ASKER_CANNOT if _is_stopped(order) else None,
        "letters": _letters(actor, order),
        "only_asker": batch_orders.NOT_YOURS_TO_START,
        "strips": _strips(order),
        "allowances": allowances.of_dry_run(order),
        "need_codes": _need_codes(order),
    }


def _letters(actor: Person, order: BatchOrder) -> int:
    """Number of letters that the officer can print now."""
    return letter_views.printable(actor, order).count() if order.kind == BatchKind.LETTERS else 0


def _strips(order: BatchOrder) -> str:
    """Warning of a dry run about mail domains that seem to strip attachments; empty without any."""
    if order.state != BatchState.CHECKED or order.kind not in MAIL_FILES:
        return ""
    ready = BatchLine.objects.filter(order=order, outcome=LineOutcome.READY)
    concerned = [domain for domain in mail_domains.stripping() if ready.filter(_mailed_to(domain)).exists()]
    return strips_sentence(concerned) if concerned else ""


def _need_codes(order: BatchOrder) -> counting.CappedCount:
    """Of a dry run that enables: number of ready persons who cannot sign in without a code."""
    if order.state != BatchState.CHECKED or order.kind != BatchKind.ENABLE:
        return counting.capped(0)
    ready = BatchLine.objects.filter(order=order, outcome=LineOutcome.READY)
    persons = Person.objects.filter(pk__in=ready.values("person"))
    needing = prediction.needing_code(persons, now=timezone.now())
    return counting.capped(*counting.counts([counting.limited(needing)]))


def _mailed_to(domain: str) -> Q:
    """Lines of persons with an address there, also of their tokens."""
    end = f"@{domain}"
    return Q(person__email__iendswith=end) | Q(token__person__email__iendswith=end)


def _is_stopped(order: BatchOrder) -> bool:
    """Whether it is paused or ended because the asker lost the permission."""
    if order.state == BatchState.PAUSED:
        return not askers.gives_orders(order.asked_by, office=order.office)
    return bool(order.stopped_because)


def _fault(order: BatchOrder) -> BatchOrder | BatchShard | None:
    """The fault of the order or of one of its shards that delays it; None without."""
    if order.last_error:
        return order
    return BatchShard.objects.with_fault(order.pk).first() if order.state == BatchState.RUNNING else None


def progress_context(order: BatchOrder) -> dict[str, Any]:
    """Context of the polled fragment."""
    return {"order": order, "progress": progress(order, _counts(order))}


def progress(order: BatchOrder, counts: dict[str, int]) -> Progress:
    """Entries looked at in the dry run; afterwards lines done of those ready."""
    if order.state == BatchState.CHECKING:
        return Progress(_("Entries are looked at"), "now", order.looked_at, order.total)
    done, left = batch_orders.done_of(counts), counts.get(LineOutcome.READY, 0)
    state = {BatchState.RUNNING: "now", BatchState.PAUSED: "waits", BatchState.FINISHED: "done"}
    return Progress(
        str(kind_of(order).words.done),
        state.get(BatchState(order.state), "stopped"),
        done,
        done + left,
        pacing.eta(order, done=done, left=left, now=timezone.now()),
    )


def types_of(order: BatchOrder) -> str:
    return ", ".join(str(each) for each in order.types.all())


def keyset(rows: BatchLineQuerySet, asked: dict[str, str], kept: dict[str, str]) -> KeysetPage:
    """The page after or before a position, in constant time."""
    before, after = _place(asked.get("before")), _place(asked.get("after"))
    if before:
        found = list(rows.filter(position__lt=before).order_by("-position")[: PER_PAGE + 1])
        more_before, more_after = len(found) > PER_PAGE, True
        found = found[:PER_PAGE][::-1]
    else:
        found = list(rows.filter(position__gt=after).order_by("position")[: PER_PAGE + 1])
        more_before, more_after = bool(after), len(found) > PER_PAGE
        found = found[:PER_PAGE]
    first, last = (found[0].position, found[-1].position) if found else (0, 0)
    return KeysetPage(
        found,
        f"?{urlencode({**kept, 'before': str(first)})}" if more_before and found else "",
        f"?{urlencode({**kept, 'after': str(last)})}" if more_after and found else "",
    )


def sheet(actor: Person, order: BatchOrder) -> Iterator[list[object]]:
    """Cells of each line for the CSV file."""
    rows = _lines(actor, order, "").order_by("position").iterator(chunk_size=500)
    chunks = iter(lambda: list(islice(rows, 500)), [])
    lines = chain.from_iterable(shown_lines(order, chunk) for chunk in chunks)
    return map(COLUMNS.exported, lines)


def _place(asked: str | None) -> int:
    return int(asked) if asked and asked.isascii() and asked.isdecimal() and len(asked) < 10 else 0


def _lines(actor: Person, order: BatchOrder, outcome: str) -> BatchLineQuerySet:
    """Lines of persons whom the officer may read."""
    rows = request_progress.with_became_of_request(BatchLine.objects.filter(order=order).listed())
    if not batches.reads_all_batches(actor):
        rows = rows.filter(_within_units(actor))
    return rows.filter(outcome=outcome) if outcome else rows


def _within_units(actor: Person) -> Q:
    """Lines of persons of the officer's units, and lines without a known person."""
    paths = ("person", "token__person", "about__person")
    units = [offices.within_units(actor, BATCH_READERS, f"{path}__organisational_unit") for path in paths]
    return Q(person=None, token=None, about=None) | units[0] | units[1] | units[2]


def _counts(order: BatchOrder) -> dict[str, int]:
    return order.counts if order.state in ENDED else batch_orders.counts_of(order)


def _in_words(order: BatchOrder, counts: dict[str, int]) -> list[tuple[str | Promise, int]]:
    return [(word_of(order, each), counts[each]) for each in LineOutcome if counts.get(each)]


def _tabs(order: BatchOrder, counts: dict[str, int], chosen: str) -> Iterator[Tab]:
    yield Tab(_("All"), "?", current=not chosen, count=sum(counts.values()))
    for outcome in LineOutcome:
        if counts.get(outcome) or chosen == outcome:
            url = f"?{urlencode({'outcome': outcome.value})}"
            number = counts.get(outcome, 0)
            yield Tab(word_of(order, outcome), url, current=chosen == outcome, count=number)
