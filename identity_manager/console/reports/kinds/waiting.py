"""Report of waiting requests: by step, how many are in it, how many went through it, and for how long."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max, Min, Q
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import requests
from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.models import RequestState, SoftwareToken
from identity_manager.ui.context import REQUEST_READERS

# Step: the state in which a request waits, and the columns of its beginning and its end.
STEPS = {
    RequestState.REQUESTED: ("created_at", "decided_at"),
    RequestState.AWAITING_ACCEPTANCE: ("decided_at", "accepted_at"),
    RequestState.ISSUING: ("accepted_at", "issued_at"),
    RequestState.ISSUED: ("issued_at", "ended_at"),
}
THROUGH = {  # of its end: only what went on
    RequestState.REQUESTED: Q(approvals_needed__gt=0),
    RequestState.ISSUED: Q(state=RequestState.COMPLETED),
}


def _lines(asked: Asked) -> Iterator[ReportLine]:
    """All steps in one statement."""
    rows = requests.visible_requests(asked.actor).filter(
        created_at__gte=asked.since, **asked.within(unit="person__organisational_unit")
    )
    if asked.token_type:
        of_type = SoftwareToken.objects.filter(type_code=asked.token_type)
        rows = rows.filter(pk__in=of_type.order_by().values("request"))
    aggregates = {f"{state}_{name}": value for state in STEPS for name, value in _aggregates(state).items()}
    found = rows.order_by().aggregate(**aggregates)
    for state in STEPS:
        figures = {name: found[f"{state}_{name}"] for name in _aggregates(state)}
        yield ReportLine({"step": state.label, **figures}, {"waiting": _search(asked, state)})


def _aggregates(state: RequestState) -> dict[str, Any]:
    begins, ends = STEPS[state]
    went = Q(**{f"{begins}__isnull": False, f"{ends}__isnull": False}) & THROUGH.get(state, Q())
    took = ExpressionWrapper(F(ends) - F(begins), output_field=DurationField())
    return {
        "waiting": Count("pk", filter=Q(state=state)),
        "oldest": Min(begins, filter=Q(state=state)),
        "went": Count("pk", filter=went),
        "average": Avg(took, filter=went),
        "longest": Max(took, filter=went),
    }


def _search(asked: Asked, state: RequestState) -> str:
    first = asked.since.date().isoformat()
    return asked.search(
        "request", state=state.value, token_type=asked.token_type, unit=asked.unit, asked_from=first
    )


REPORT = Report(
    name="waiting",
    title=_("Requests and waiting time"),
    question=_("Where do requests wait, and for how long?"),
    icon="clock",
    readers=REQUEST_READERS,
    columns=(
        ReportColumn("step", _("Step"), ValueKind.TEXT),
        ReportColumn("waiting", _("Wait now"), charted=True),
        ReportColumn("oldest", _("The oldest since"), ValueKind.MOMENT),
        ReportColumn("went", _("Went through")),
        ReportColumn("average", _("Days on average"), ValueKind.DAYS),
        ReportColumn("longest", _("Days at most"), ValueKind.DAYS),
    ),
    read=_lines,
    nothing=_("No request was made in this time."),
    periods=(90, 30, 365),
    filters=frozenset({"unit", "token_type"}),
)
