"""Report of approvals: by approver, what they decided, what waits for them, and for how long."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Count, Min, Q
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import requests
from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.console.search.forms import LATE, WAITING
from identity_manager.models import Approval, AskedApprover, Decision, Person, TokenRequest
from identity_manager.models.person_search.name_order import key_for_reader
from identity_manager.ui.context import REQUEST_READERS

MOST = 500  # approvers, those who are late first


def _lines(asked: Asked) -> Iterator[ReportLine]:
    """Three statements: what was decided, what waits, and the names."""
    visible = requests.visible_requests(asked.actor).filter(
        **asked.within(unit="person__organisational_unit")
    )
    decided = dict(_decided(visible.filter(created_at__gte=asked.since)))
    waiting = dict(_waiting(visible))
    names = Person.objects.filter(pk__in={*decided, *waiting}).values_list("pk", "display_name")
    found = [
        {"key": pk, "approver": name, **decided.get(pk, NOTHING_DECIDED), **waiting.get(pk, NOTHING_WAITS)}
        for pk, name in names
    ]
    found.sort(key=lambda each: (-each["late"], -each["waiting"], key_for_reader(each["approver"])))
    for each in found[:MOST]:
        yield ReportLine(each, _searches(asked, each))


def _searches(asked: Asked, line: Mapping[str, Any]) -> dict[str, str]:
    """Searches behind the numbers: decisions of the period; waiting requests, whenever they were asked."""
    since = asked.since.date().isoformat()
    periods = {LATE: "", WAITING: "", Decision.APPROVED: since, Decision.REJECTED: since}
    return {
        name: asked.search("request", approver=str(line["key"]), answer=name, asked_from=day, unit=asked.unit)
        for name, day in periods.items()
    }


NOTHING_DECIDED = {"approved": 0, "rejected": 0}
NOTHING_WAITS = {"waiting": 0, "late": 0, "oldest": None}


def _decided(visible: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    rows = Approval.objects.filter(request__in=visible.order_by().values("pk")).order_by()
    counted = rows.values_list("approver").annotate(
        approved=Count("request", filter=Q(decision=Decision.APPROVED), distinct=True),
        rejected=Count("request", filter=Q(decision=Decision.REJECTED), distinct=True),
    )
    for pk, approved, rejected in counted:
        yield pk, {"approved": approved, "rejected": rejected}


def _waiting(visible: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Asked in the present round, and not answered. late: who was reminded."""
    undecided = TokenRequest.objects.undecided().filter(pk__in=visible.order_by().values("pk"))
    rows = AskedApprover.objects.unanswered().filter(request__in=undecided.order_by().values("pk"))
    counted = (
        rows.order_by()
        .values_list("approver")
        .annotate(
            on_time=Count("pk", filter=Q(reminded_at=None)),
            late=Count("pk", filter=Q(reminded_at__isnull=False)),
            oldest=Min("waits_from"),
        )
    )
    for pk, waiting, late, oldest in counted:
        yield pk, {"waiting": waiting, "late": late, "oldest": oldest}


REPORT = Report(
    name="approvals",
    title=_("Approvals"),
    question=_("Who decides on requests, and who is late?"),
    icon="task",
    readers=REQUEST_READERS,
    columns=(
        ReportColumn("approver", _("Approver"), ValueKind.TEXT),
        ReportColumn("late", _("Wait since a reminder"), charted=True),
        ReportColumn("waiting", _("Wait, not reminded yet"), charted=True),
        ReportColumn("approved", _("Approved"), charted=True),
        ReportColumn("rejected", _("Rejected"), charted=True),
        ReportColumn("oldest", _("The oldest since"), ValueKind.MOMENT),
    ),
    read=_lines,
    nothing=_("Nobody was asked to approve anything in this time."),
    periods=(90, 30, 365),
    filters=frozenset({"unit"}),
)
