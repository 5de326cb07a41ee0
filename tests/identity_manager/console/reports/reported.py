"""What reports count, for their tests."""

from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from ca_bridge.keys.envelopes import TRANSPORTS
from identity_manager.console.reports.registry import REPORTS
from identity_manager.console.reports.report import Asked
from identity_manager.models import Certificate, Person, RecoveryCertificate, RecoveryKeyKind
from tests.tools import cast
from tests.tools.cast import Company

ENDS = timedelta(days=40)


def page(name: str) -> str:
    return reverse("console:report", args=[name])


def read(name: str, actor: Person, **asked: Any) -> list[dict[str, object]]:
    """The lines of a report."""
    report, actor = REPORTS[name], Person.objects.get(pk=actor.pk)
    days = asked.pop("days", (*report.periods, 0)[0])
    wanted = Asked(actor, days=days, person_kind="employee", **asked)
    return [dict(line.values) for line in report.read(wanted)]


def holder(company: Company, name: str, *, unit: str = "North") -> Person:
    """A person with a VPN token that ends in 40 days."""
    person = cast.person(name, sid="", organisational_unit=unit)
    request = cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn)))
    token = cast.noted(cast.delivered(request).tokens.get())
    Certificate.objects.filter(token=token).update(not_after=timezone.now() + ENDS)
    return person


def recovery_certificate(name: str) -> RecoveryCertificate:
    return RecoveryCertificate.objects.create(
        kind=RecoveryKeyKind.ONLINE,
        name=name,
        fingerprint=name,
        transport=TRANSPORTS[0],
        not_after=timezone.now() + ENDS,
    )
