"""Mails that did not arrive, by the domain of their addresses."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import mails
from identity_manager.console.access.offices import within_units
from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.models import DeliveryProblem, MailState, OutgoingMail, ProblemKind
from identity_manager.queries.mail_domains import DOMAIN
from identity_manager.ui.context import MAIL_WATCHERS

MOST = 500  # domains
SERIES = {
    MailState.FAILED: "refused",
    MailState.BOUNCED: "bounced",
    ProblemKind.NOT_ARRIVED: "not_arrived",
    ProblemKind.STRIPPED: "stripped",
}


def _lines(asked: Asked) -> Iterator[ReportLine]:
    """What a mail server says, and what persons say, each in one statement."""
    found: dict[str, Counter[str]] = {}
    for domain, what, number in (*_troubles(asked), *_problems(asked)):
        if what in SERIES:
            found.setdefault(domain, Counter())[SERIES[what]] += number
    for domain in sorted(found, key=lambda each: (-found[each].total(), each))[:MOST]:
        yield ReportLine({"domain": domain, **{name: found[domain][name] for name in SERIES.values()}})


def _troubles(asked: Asked) -> Any:
    """By the partial index of mails with a fault."""
    rows = OutgoingMail.objects.in_trouble().filter(
        mails.mails_within_units(asked.actor, MAIL_WATCHERS),
        created_at__gte=asked.since,
        **asked.within(unit="person__organisational_unit"),
    )
    counted = rows.order_by().annotate(domain=DOMAIN).values_list("domain", "state")
    return counted.annotate(number=Count("pk"))


def _problems(asked: Asked) -> Any:
    """Said by persons; what a report says came back stands among the mails."""
    unit = "token__person__organisational_unit"
    rows = DeliveryProblem.objects.filter(
        within_units(asked.actor, MAIL_WATCHERS, unit), opened_at__gte=asked.since, **asked.within(unit=unit)
    )
    return rows.order_by().values_list("domain", "kind").annotate(number=Count("pk"))


REPORT = Report(
    name="mails",
    title=_("Mails that did not arrive"),
    question=_("Which domains refuse mails, or take files out of them?"),
    icon="mail",
    readers=MAIL_WATCHERS,
    columns=(
        ReportColumn("domain", _("Domain"), ValueKind.TEXT),
        ReportColumn("refused", _("Refused"), charted=True),
        ReportColumn("bounced", _("Came back"), charted=True),
        ReportColumn("not_arrived", _("Did not arrive, as the person says"), charted=True),
        ReportColumn("stripped", _("Came without the file, as the person says"), charted=True),
    ),
    read=_lines,
    nothing=_("Every mail of this time has arrived, as far as anybody has said."),
    periods=(30, 90, 365),
    filters=frozenset({"unit"}),
)
