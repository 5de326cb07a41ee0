"""Deliveries by mail domain, and which domains seem to remove attachments."""

from datetime import timedelta

import pytest
from django.utils import timezone

from identity_manager.console.batch import page as batch_page
from identity_manager.console.enable.page import EnablePage
from identity_manager.models import BatchOrder, DeliveryProblem, OutgoingMail, Person, SoftwareToken
from identity_manager.queries import mail_domains
from identity_manager.workflow.policy import eligibility
from tests.architecture.url_world import batch_order
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def mails(token: SoftwareToken, address: str, number: int, state: str = "sent") -> list[OutgoingMail]:
    now = timezone.now()
    return OutgoingMail.objects.bulk_create(
        OutgoingMail(
            occasion=f"{address}:{state}:{each}",
            message="delivery",
            person=token.person,
            token=token,
            to_address=address,
            state=state,
            created_at=now,
            sent_at=now,
        )
        for each in range(number)
    )


def said(mail: OutgoingMail, kind: str, *, domain: str, days: float = 0) -> None:
    """Of this mail; each was ended, as one alone is open at a time."""
    moment = timezone.now() - timedelta(days=days)
    assert mail.token is not None
    DeliveryProblem.objects.create(
        token=mail.token, mail=mail, kind=kind, domain=domain, opened_at=moment, ended_at=moment
    )


@pytest.fixture
def token(company: Company) -> SoftwareToken:
    return company.request_in("awaiting_acceptance").tokens.get()


def test_what_is_counted(token: SoftwareToken) -> None:
    north = mails(token, "a@North.example", 10)
    mails(token, "b@north.example", 2, state="bounced")
    mails(token, "a@south.example", 1)
    mails(token, "", 1)
    said(north[0], "not-arrived", domain="north.example")
    for each in north[1:4]:
        said(each, "stripped", domain="north.example")
    said(north[1], "stripped", domain="north.example")
    said(north[5], "stripped", domain="north.example", days=mail_domains.DAYS + 1)
    first, second = mail_domains.figures()
    assert (first.domain, first.sent, first.bounced) == ("north.example", 12, 2)
    assert (first.not_arrived, first.stripped, first.delivered, first.strips) == (1, 3, 6, True)
    assert (second.domain, second.sent, second.strips) == ("south.example", 1, False)


@pytest.mark.parametrize(("stripped", "sent", "strips"), [(2, 2, False), (3, 60, True), (3, 61, False)])
def test_by_count_and_share(
    company: Company, token: SoftwareToken, *, stripped: int, sent: int, strips: bool
) -> None:
    rows = mails(token, "x@north.example", sent)
    for each in rows[:stripped]:
        said(each, "stripped", domain="north.example")
    assert (mail_domains.stripping(["north.example"]) == ["north.example"]) is strips
    assert mail_domains.stripping(["south.example"]) == []
    Person.objects.filter(pk=company.sam.pk).update(email="sam@north.example")
    sam = Person.objects.get(pk=company.sam.pk)
    choices = eligibility.type_choices(sam)
    words = " ".join(EnablePage(company.ada, sam, choices, [str(company.vpn.pk)]).outlook())
    assert ("seem to lose their attachments" in words) is strips
    order = BatchOrder.objects.get(pk=batch_order(company.ada, sam))
    assert bool(batch_page._strips(order)) is strips
