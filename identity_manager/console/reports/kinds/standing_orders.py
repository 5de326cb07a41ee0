"""Standing orders and their effect: who has the token by them, who waits for it, who came and who left."""

from collections.abc import Iterator

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import standing_orders
from identity_manager.console.access.offices import within_units
from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.console.search.forms import token_types
from identity_manager.console.standing_orders import members
from identity_manager.models import MemberStep, StandingOrder

STEPS = {"given": MemberStep.GIVEN, "placed": MemberStep.PLACED, "new": MemberStep.NEW}


def _lines(asked: Asked) -> Iterator[ReportLine]:
    """Of the members within the reader's units; each order, whether it has any or not."""
    unit = "members__person__organisational_unit"
    mine = within_units(asked.actor, standing_orders.READERS, unit) & Q(**asked.within(unit=unit))
    present = mine & Q(members__until=None, members__pk__isnull=False)
    rows = StandingOrder.objects.filter(**asked.within(type_code="type_code")).annotate(
        given=Count("members", filter=present & Q(members__step=MemberStep.GIVEN)),
        placed=Count("members", filter=present & Q(members__step=MemberStep.PLACED)),
        new=Count("members", filter=present & Q(members__step=MemberStep.NEW)),
        came=Count("members", filter=mine & Q(members__since__gte=asked.since)),
        gone=Count("members", filter=mine & Q(members__until__gte=asked.since)),
    )
    names = {code: str(name) for code, name in token_types()}
    named = standing_orders.sees_persons(asked.actor)
    for row in rows.order_by("name"):
        numbers = {name: getattr(row, name) for name in ("given", "placed", "new", "came", "gone")}
        words = {
            "order": row.name,
            "type": names.get(row.type_code, row.type_code),
            "state": row.get_state_display(),
        }
        yield ReportLine({**words, **numbers}, _addresses(asked, row, named=named))


def _addresses(asked: Asked, row: StandingOrder, *, named: bool) -> dict[str, str]:
    """The page of the order; of a number, its members there, for who reads persons of every unit."""
    url = {"order": reverse("console:standing-order", args=[row.pk])}
    if not named:
        return url
    return url | {name: members.address(row, step, asked.unit) for name, step in STEPS.items()}


REPORT = Report(
    name="standing-orders",
    title=_("Standing orders"),
    question=_("What do standing orders give, and what do they take away?"),
    icon="refresh",
    readers=standing_orders.READERS,
    columns=(
        ReportColumn("order", _("Standing order"), ValueKind.TEXT),
        ReportColumn("type", _("Token type"), ValueKind.TEXT),
        ReportColumn("state", _("State"), ValueKind.TEXT),
        ReportColumn("given", _("Given"), charted=True),
        ReportColumn("placed", _("Asked for"), charted=True),
        ReportColumn("new", _("Not yet"), charted=True),
        ReportColumn("came", _("Came in this time")),
        ReportColumn("gone", _("Left in this time")),
    ),
    read=_lines,
    nothing=_("There is no standing order."),
    periods=(90, 30, 365),
    filters=frozenset({"unit", "token_type"}),
)
