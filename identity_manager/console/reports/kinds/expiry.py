"""Report of expiry: valid certificates by the month in which they end, and by token type."""

from collections.abc import Iterator
from datetime import date, timedelta

from django.db.models import Count
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import requests
from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.console.search.forms import token_types
from identity_manager.console.search.kind import beginning
from identity_manager.models import CertificateState
from identity_manager.ui.context import REQUEST_READERS, SEARCHERS

VALID = CertificateState.VALID


def _lines(asked: Asked) -> Iterator[ReportLine]:
    """Whole months, so that each is one search; the first begins today."""
    end = _next_month(asked.today + timedelta(days=asked.days))
    rows = requests.visible_certificates(asked.actor).filter(
        state=VALID,
        not_after__gte=beginning(asked.today),
        not_after__lt=beginning(end),
        **asked.within(unit="token__person__organisational_unit", type_code="token__type_code"),
    )
    counted = rows.order_by().annotate(month=TruncMonth("not_after")).values_list("month", "token__type_code")
    names = {code: str(name) for code, name in token_types()}
    for moment, code, number in counted.annotate(number=Count("pk")).order_by("month", "token__type_code"):
        month = moment.date()
        values = {"month": month, "type": names.get(code, code), "number": number}
        yield ReportLine(values, {"number": _search(asked, month, code)})


def _search(asked: Asked, month: date, code: str) -> str:
    return asked.search(
        "certificate",
        state=VALID.value,
        token_type=code,
        unit=asked.unit,
        expires_from=max(month, asked.today).isoformat(),
        expires_before=_next_month(month).isoformat(),
    )


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


REPORT = Report(
    name="expiry",
    title=_("Certificates that end"),
    question=_("What ends in which month, and of which type?"),
    icon="calendar",
    readers=SEARCHERS | REQUEST_READERS,
    columns=(
        ReportColumn("month", _("Month"), ValueKind.MONTH),
        ReportColumn("type", _("Token type"), ValueKind.TEXT),
        ReportColumn("number", _("Certificates")),
    ),
    stack=("type", "number"),
    read=_lines,
    nothing=_("No valid certificate ends in this time."),
    periods=(365, 90, 180, 730),
    ahead=True,
    filters=frozenset({"unit", "token_type"}),
)
