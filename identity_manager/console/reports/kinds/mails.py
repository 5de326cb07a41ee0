"""Mails that did not arrive, by the domain of their addresses."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import mails, offices
from identity_manager.console.access.offices import MAIL_READERS
from identity_manager.console.reports.report import Asked, Report, ReportColumn, ReportLine, ValueKind
from identity_manager.models import DeliveryProblem, MailState, OutgoingMail, ProblemKind
from identity_manager.models.mail.delivery_problem import SAID
from identity_manager.models.mail.outgoing_mail import LAST_EVENT, OutgoingMailQuerySet
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
    """Lines by domain, of mails with a fault and of problems that persons told, each in one statement."""
    found: dict[str, Counter[str]] = {}
    for domain, what, number in (*_troubles(asked), *_problems(asked)):
        if what in SERIES:
            found.setdefault(domain, Counter())[SERIES[what]] += number
    for domain in sorted(found, key=lambda each: (-found[each].total(), each))[:MOST]:
        numbers = {name: found[domain][name] for name in SERIES.values()}
        yield ReportLine({"domain": domain, **numbers}, _lists(asked, domain))


def _lists(asked: Asked, domain: str) -> dict[str, str]:
    """Links to OUTBOX; none for who also counts mails that they do not read, nor without a domain."""
    reads = offices.holds(asked.actor, MAIL_READERS)
    if not domain or not reads or offices.holds(asked.actor, MAIL_WATCHERS - MAIL_READERS):
        return {}
    since = f"{timezone.localtime(asked.since):%Y-%m-%d %H:%M}"
    query = {"domain": domain, "unit": asked.unit, "since": since}
    return {
        name: f"{reverse('console:outbox')}?{urlencode({'state': state.value, **query})}"
        for state, name in SERIES.items()
    }


def _troubles(asked: Asked) -> Any:
    """By the partial index of mails with a fault."""
    rows = _of_time(OutgoingMail.objects.in_trouble(), asked).order_by()
    counted = rows.annotate(domain=DOMAIN).values_list("domain", "state")
    return counted.annotate(number=Count("pk"))


def _problems(asked: Asked) -> Any:
    """Mails of which persons say so; what a report says came back stands above."""
    about = _of_time(OutgoingMail.objects.filter(pk=OuterRef("mail")), asked)
    rows = DeliveryProblem.objects.filter(Exists(about), kind__in=SAID)
    counted = rows.order_by().values_list("domain", "kind")
    return counted.annotate(number=Count("mail", distinct=True))


def _of_time(rows: OutgoingMailQuerySet, asked: Asked) -> OutgoingMailQuerySet:
    """Mails whose last event lies in the period, as OUTBOX reckons."""
    within = asked.within(unit="person__organisational_unit")
    reach = mails.mails_within_units(asked.actor, MAIL_WATCHERS)
    return rows.alias(moment=LAST_EVENT).filter(reach, moment__gte=asked.since, **within)


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
