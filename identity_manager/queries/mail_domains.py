"""Delivery statistics by mail domain: bounces, missing files, stripped attachments of the last DAYS days.

A domain is suspected to strip attachments if there are at least LEAST reports of that, and they are at least
the fraction SHARE of its deliveries.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Value
from django.db.models.functions import Lower, StrIndex, Substr
from django.utils import timezone

from identity_manager.models.mail.delivery_problem import DeliveryProblem, ProblemKind
from identity_manager.models.mail.outgoing_mail import MailState, OutgoingMail
from identity_manager.models.people.person import Person, PersonState

DAYS = 90
LEAST, SHARE = 3, 0.05
SHOWN = 500
REMEMBERED = 60  # seconds
DOMAIN = Lower(Substr("to_address", StrIndex(F("to_address"), Value("@")) + 1))


@dataclass(frozen=True)
class DomainFigures:
    """Numbers of one domain. sent: deliveries that a mail server accepted, bounced ones included."""

    domain: str
    sent: int
    bounced: int
    not_arrived: int
    stripped: int

    @property
    def delivered(self) -> int:
        """Deliveries without a bounce or a reported problem."""
        return max(self.sent - self.bounced - self.not_arrived - self.stripped, 0)

    @property
    def strips(self) -> bool:
        """Whether it is suspected to strip attachments."""
        return self.stripped >= LEAST and self.stripped >= SHARE * self.sent


def domains_of_active_persons(most: int) -> list[str]:
    """At most `most` mail domains of Active persons, those with most persons first."""
    domain = Lower(Substr("email", StrIndex(F("email"), Value("@")) + 1))
    rows = Person.objects.filter(state=PersonState.ACTIVE, email__contains="@").order_by()
    counted = rows.annotate(domain=domain).values_list("domain").annotate(number=Count("pk"))
    return [name for name, _number in counted.order_by("-number", "domain")[:most]]


def figures(now: datetime | None = None) -> list[DomainFigures]:
    """At most SHOWN domains: those with most problems first, then those with most deliveries."""
    since = (now or timezone.now()) - timedelta(days=DAYS)
    mails = {row[0]: row[1:] for row in _mails(since)}
    problems = {row[0]: row[1:] for row in _problems(since)}
    rows = [
        DomainFigures(domain, *mails.get(domain, (0, 0)), *problems.get(domain, (0, 0)))
        for domain in {*mails, *problems}
        if domain
    ]
    rows.sort(key=lambda row: (-row.stripped, -row.not_arrived - row.bounced, -row.sent, row.domain))
    return rows[:SHOWN]


def remembered_figures() -> list[DomainFigures]:
    """figures(), cached for REMEMBERED seconds."""
    found: list[DomainFigures] | None = cache.get_or_set("mail_domains", figures, REMEMBERED)
    return found or []


def stripping(domains: Collection[str] | None = None) -> list[str]:
    """Domains suspected to strip attachments, of these (None: of all).

    Mails are counted only for domains with LEAST reports.
    """
    since = timezone.now() - timedelta(days=DAYS)
    said = DeliveryProblem.objects.filter(opened_at__gte=since).order_by()
    said = said if domains is None else said.filter(domain__in=domains)
    said = said.filter(kind=ProblemKind.STRIPPED)
    counted = said.values_list("domain").annotate(Count("mail", distinct=True))
    return sorted(name for name, number in counted if number >= LEAST and _is_share(name, number, since))


def domain_of(address: str) -> str:
    """The domain of an address, in lower case; empty if it has none."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def _is_share(domain: str, stripped: int, since: datetime) -> bool:
    mails = _deliveries(since).filter(to_address__iendswith=f"@{domain}")
    return stripped >= SHARE * mails.count()


def _deliveries(since: datetime) -> QuerySet[OutgoingMail]:
    rows = OutgoingMail.objects.filter(message="delivery", created_at__gte=since, sent_at__isnull=False)
    return rows.order_by()


def _mails(since: datetime) -> Iterator[tuple[str, int, int]]:
    rows = _deliveries(since).annotate(domain=DOMAIN).values_list("domain")
    bounced = Count("pk", filter=Q(state=MailState.BOUNCED))
    return iter(rows.annotate(sent=Count("pk"), bounced=bounced))


def _problems(since: datetime) -> Iterator[tuple[str, int, int]]:
    rows = DeliveryProblem.objects.filter(opened_at__gte=since).order_by().values_list("domain")
    not_arrived = Count("mail", filter=Q(kind=ProblemKind.NOT_ARRIVED), distinct=True)
    stripped = Count("mail", filter=Q(kind=ProblemKind.STRIPPED), distinct=True)
    return iter(rows.annotate(not_arrived=not_arrived, stripped=stripped))
