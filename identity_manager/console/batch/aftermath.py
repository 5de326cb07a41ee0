"""Progress of a batch order's requests: a stacked bar, each part a link to them in REQUESTS."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse
from django.utils.http import urlencode

from identity_manager.console.access import requests as access_requests
from identity_manager.models import BatchKind, BatchLine, BatchOrder, Person, Role, TokenRequest
from identity_manager.queries import request_progress
from identity_manager.queries.request_progress import Became
from identity_manager.ui import charts
from identity_manager.ui.charts import BarPart, Segment
from identity_manager.ui.parts import Meaning

MEANINGS = {
    **dict.fromkeys((Became.APPROVAL, Became.ACCEPTANCE, Became.PASSPHRASE), Meaning.WAITING),
    **dict.fromkeys((Became.ISSUING, Became.DELIVERY), Meaning.INFORMATION),
    Became.DONE: Meaning.DONE,
    **dict.fromkeys((Became.FAILED, Became.REJECTED, Became.DECLINED, Became.LAPSED), Meaning.STOPPED),
    Became.CANCELLED: Meaning.QUIET,
}
PATTERN = ("", "chart-second", "chart-third", "chart-fourth")  # parts of one meaning, told apart


@dataclass(frozen=True)
class Aftermath:
    """The parts in the order of the road; remind: the search for those who have not accepted, if any."""

    parts: list[BarPart]
    total: int
    remind: str
    remind_kind: str = BatchKind.REMIND


def of_order(actor: Person, order: BatchOrder) -> Aftermath | None:
    """The order's requests that the officer may read, by progress; None if there are none.

    One grouped statement.
    """
    lines = BatchLine.objects.filter(order=order, request__isnull=False).order_by()
    mine = access_requests.visible_requests(actor).filter(pk__in=lines.values("request"))
    numbers = request_progress.counted(TokenRequest.objects.filter(pk__in=mine.order_by().values("pk")))
    if not numbers:
        return None
    waiting = numbers.get(Became.ACCEPTANCE) and actor.has_role(Role.TOKEN_ADMINISTRATOR)
    remind = _search(order, Became.ACCEPTANCE) if waiting else ""
    return Aftermath(_parts(order, numbers), sum(numbers.values()), remind)


def words_of(line: BatchLine) -> str:
    """Progress of a line's request (annotated by with_became_of_request); empty without one."""
    became = getattr(line, "became", "")
    return str(Became(became).label) if became else ""


def _parts(order: BatchOrder, numbers: Mapping[str, int]) -> list[BarPart]:
    seen, segments = dict.fromkeys(Meaning, 0), []
    for each in (each for each in Became if numbers.get(each)):
        meaning = MEANINGS[each]
        css = f"chart-{meaning.value} {PATTERN[seen[meaning] % len(PATTERN)]}".strip()
        url = f"{reverse('console:requests')}?{_search(order, each)}"
        segments.append(Segment(each.label, numbers[each], url, css))
        seen[meaning] += 1
    return charts.stacked(segments)


def _search(order: BatchOrder, became: Became) -> str:
    return urlencode({"kind": "request", "batch_order": order.reference, "became": became.value})
