"""The guarded download: when a file is handed out, to whom, and never in one window with a passphrase."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import (
    AuditEvent,
    Container,
    DeliveryState,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenState,
)
from identity_manager.transactions.refusals import NotAllowed, Refused, Stale
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.delivery import channel_separation, download
from identity_manager.workflow.policy.eligibility import NOT_YOURS
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


def token_in(company: Company, delivery: str, *, profiles: tuple[str, ...] = ("client",)) -> SoftwareToken:
    """A sealed token of uma whose delivery stands there."""
    token_type = cast.token_type("file", profiles=profiles)
    request = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, token_type)))
    token = request.tokens.get()
    SoftwareToken.objects.filter(pk=token.pk).update(delivery=delivery)
    return SoftwareToken.objects.get(pk=token.pk)


def fetch(
    token: SoftwareToken, *, actor: Person | None = None, since: datetime | None = None, position: int = 0
) -> Container:
    container = token.containers.filter(format="standard")[position]
    moment = since or timezone.now()
    return download.fetch(actor=actor or token.person, container_id=container.pk, signed_in_at=moment)


def facts() -> tuple[object, ...]:
    """What a refusal must leave as it is."""
    return (
        list(SoftwareToken.objects.values_list("version", "delivery", "state")),
        list(Container.objects.values_list("downloads", "downloaded_at")),
        OutgoingMail.objects.count(),
        AuditEvent.objects.count(),
    )


@pytest.mark.parametrize("delivery", ["bounced", "offered", "fetched"])
def test_the_file_is_counted_audited_and_told(company: Company, delivery: str) -> None:
    token = token_in(company, delivery)

    first, second = fetch(token), fetch(token)

    assert first.content == token.containers.get(format="standard").content
    assert (first.downloads, second.downloads) == (1, 2)
    assert SoftwareToken.objects.get().delivery == DeliveryState.FETCHED
    assert OutgoingMail.objects.filter(message="file_fetched", to_address="uma@example.com").count() == 2
    events = AuditEvent.objects.filter(name="token.file-fetched", actor=company.uma)
    assert [event.facts["times"] for event in events.order_by("pk")] == [1, 2]


@pytest.mark.parametrize("delivery", ["none", "queued", "sent"])
def test_where_mail_brings_it_it_is_not_handed_out(company: Company, delivery: str) -> None:
    token = token_in(company, delivery)
    before = facts()

    with pytest.raises(Stale) as refusal:
        fetch(token)

    assert refusal.value.reason == download.COMES_BY_MAIL
    assert facts() == before


@pytest.mark.parametrize("mode", ["link", "both"])
@pytest.mark.parametrize("delivery", ["queued", "sent", "offered"])
def test_the_installation_may_deliver_by_link(
    company: Company, settings: Settings, mode: str, delivery: str
) -> None:
    settings.DELIVERY_MODE = mode

    fetch(token_in(company, delivery))

    assert SoftwareToken.objects.get().delivery == DeliveryState.FETCHED


@pytest.mark.parametrize("name", ["ada", "paul", "rita", "sam"])
def test_nobody_else_gets_it(company: Company, name: str) -> None:
    token = token_in(company, "bounced")
    before = facts()

    with pytest.raises(NotAllowed) as refusal:
        fetch(token, actor=getattr(company, name))

    assert refusal.value.reason == NOT_YOURS
    assert facts() == before


@pytest.mark.parametrize("state", [state for state in TokenState if state not in ("sealed", "active")])
def test_only_of_a_token_in_use(company: Company, state: str) -> None:
    token = token_in(company, "bounced")
    SoftwareToken.objects.filter(pk=token.pk).update(state=state)
    before = facts()

    with pytest.raises(Stale) as refusal:
        fetch(token)

    assert refusal.value.reason == download.NOT_IN_USE
    assert facts() == before


def test_an_inactive_person_gets_nothing(company: Company) -> None:
    token = token_in(company, "bounced")
    uma = Person.objects.get(pk=company.uma.pk)
    uma.deactivate()
    uma.save()

    with pytest.raises(NotAllowed):
        fetch(token)


def test_a_file_that_is_not_kept_any_more(company: Company) -> None:
    token = token_in(company, "bounced")
    container = token.containers.get(format="standard")
    Container.objects.all().delete()

    with pytest.raises(Stale) as refusal:
        download.fetch(actor=company.uma, container_id=container.pk, signed_in_at=timezone.now())
    assert refusal.value.reason == download.GONE


# --- Two channels ---------------------------------------------------------------------------------
def test_no_file_in_the_window_of_a_passphrase_whichever_token_it_opens(company: Company) -> None:
    token, signed_in = token_in(company, "bounced"), timezone.now()
    other = company.request_in("issued").tokens.get()
    cast.shown(other)
    before = facts()

    with pytest.raises(NotAllowed) as refusal:
        fetch(token, since=signed_in)

    assert refusal.value.reason == channel_separation.PASSPHRASE_SHOWN
    assert facts() == before


def test_no_passphrase_in_the_window_of_a_file_whichever_token_it_is_of(company: Company) -> None:
    token, signed_in = token_in(company, "bounced"), timezone.now()
    other = company.request_in("issued").tokens.get()
    fetch(token)
    before = facts()

    with pytest.raises(NotAllowed) as refusal:
        step6_passphrase.show(actor=company.uma, token_id=other.pk, signed_in_at=signed_in)

    assert refusal.value.reason == channel_separation.FILE_FETCHED
    assert facts() == before


def test_another_sign_in_opens_the_other_channel(company: Company) -> None:
    token = token_in(company, "bounced")
    cast.shown(token)
    with time_machine.travel(timezone.now() + timedelta(seconds=5)):
        fetch(token)
    with time_machine.travel(timezone.now() + timedelta(seconds=10)):
        assert cast.shown(token)


def test_what_others_saw_does_not_count(company: Company) -> None:
    token, signed_in = token_in(company, "bounced"), timezone.now()
    theirs = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, company.vpn))).tokens.get()
    cast.shown(theirs)

    assert fetch(token, since=signed_in).downloads == 1


# --- Finishing ------------------------------------------------------------------------------------
def test_fetched_and_noted_is_active(company: Company) -> None:
    token = token_in(company, "offered")
    cast.noted(token)
    assert SoftwareToken.objects.get().state == TokenState.SEALED

    with time_machine.travel(timezone.now() + timedelta(seconds=5)):
        fetch(token)

    assert SoftwareToken.objects.get().state == TokenState.ACTIVE
    token.request.refresh_from_db()
    assert token.request.state == "completed"


def test_fetched_is_a_token_of_whose_every_certificate_a_file_was_fetched(company: Company) -> None:
    token = token_in(company, "offered", profiles=("client", "second"))

    fetch(token, position=0)
    assert SoftwareToken.objects.get().delivery == DeliveryState.OFFERED

    fetch(token, position=1)
    assert SoftwareToken.objects.get().delivery == DeliveryState.FETCHED


def test_a_refusal_is_one_sentence(company: Company) -> None:
    with pytest.raises(Refused) as refusal:
        fetch(token_in(company, "sent"))
    assert str(refusal.value).startswith("This file comes by mail.")
