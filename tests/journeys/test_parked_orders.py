"""A CA that accepted and did not answer, and that cannot be searched: an officer decides."""

from typing import Any

import pytest
from django.conf import settings as configured

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.models import CaOrder
from identity_manager.jobs import ca_scans
from identity_manager.models import (
    AuditEvent,
    Certificate,
    Person,
    PersonState,
    RequestState,
    TokenRequest,
)
from identity_manager.transactions.refusals import NotAllowed, Stale
from identity_manager.workflow.issuance import parked_orders
from identity_manager.workflow.requests import cancellation
from tests.ca_bridge.scripted import ScriptedConnector, fails, issued
from tests.journeys.office import Office, delivered_files, later

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]
LOST = TimeoutError("no answer within 30 s")


@pytest.fixture
def ca(settings: Any) -> ScriptedConnector:
    """The CA of every profile is one that cannot be searched; the default then is to park."""
    connector = "tests.ca_bridge.scripted.ScriptedConnector"
    settings.CA_CONNECTORS = {**configured.CA_CONNECTORS, "corporate": {"CONNECTOR": connector}}
    instance: Any = registry.connector("corporate")
    instance.script.clear()
    instance.calls.clear()
    instance.revoked.clear()
    return instance


def parked_request(office: Office, ca: ScriptedConnector) -> TokenRequest:
    """Accepted by the person, asked for, lost, and looked up in vain."""
    ca.script.append(fails(LOST))
    request = office.enable("VPN")
    office.accept(request)
    with later(minutes=2):
        pass
    return TokenRequest.objects.get(pk=request.pk)


def test_an_officer_sees_the_facts_and_has_it_asked_again(office: Office, ca: ScriptedConnector) -> None:
    request = parked_request(office, ca)
    order, certificate = CaOrder.objects.get(), Certificate.objects.get()
    assert (request.state, ca.calls) == (RequestState.ISSUING, ["issue"])

    assert "waits for your word about a certificate authority" in office.ada.open("/").text
    assert request.reference in office.ada.open("/open-tasks/").text
    page = office.ada.open(f"/requests/{request.pk}/").text
    for fact in (order.idempotency_key, order.public_key_sha256.hex(), "no answer", "cannot be searched"):
        assert fact in page
    ca.script.append(issued())
    office.ada.follow("Ask again")
    office.ada.press("Ask again")

    assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert Certificate.objects.get().public_key_sha256 == certificate.public_key_sha256
    assert ca.calls == ["issue", "issue"]
    assert len(delivered_files("uma@example.com")) == 1
    event = AuditEvent.objects.get(name="certificate.asked-again")
    assert (event.actor, event.facts["order"]) == (office.company.ada, order.idempotency_key)
    assert (
        "An officer had the certificate authority asked again"
        in office.ada.open(f"/requests/{request.pk}/").text
    )
    assert request.reference not in office.ada.open("/open-tasks/").text


def test_an_officer_gives_it_up_and_it_is_retried_with_a_new_key(
    office: Office, ca: ScriptedConnector
) -> None:
    request = parked_request(office, ca)
    first = Certificate.objects.get().public_key_sha256

    office.ada.open(f"/requests/{request.pk}/")
    office.ada.follow("Give up")
    assert "Enter" in office.ada.press("Give up", reason=" ").text
    office.ada.press("Give up", reason="The CA has no such request.")

    assert TokenRequest.objects.get().state == RequestState.FAILED
    assert Certificate.objects.get().private_key_wrapped is None
    assert "<span>The CA has no such request.</span>" in office.ada.page.html
    assert CaOrder.objects.get().state == "refused"
    event = AuditEvent.objects.get(name="certificate.given-up")
    assert (event.actor, event.facts["reason"]) == (office.company.ada, "The CA has no such request.")

    ca.script.append(issued())
    office.ada.press("Retry")
    assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert Certificate.objects.get().public_key_sha256 != first


def test_what_nobody_wants_any_more_is_given_up_and_not_asked_for(
    office: Office, ca: ScriptedConnector
) -> None:
    request = parked_request(office, ca)
    office.ada.open(f"/requests/{request.pk}/cancel/")
    office.ada.press("Cancel the request", reason="left")
    certificate = Certificate.objects.get()

    with pytest.raises(Stale, match="Nobody wants"):
        parked_orders.ask_again(actor=office.company.ada, certificate_id=certificate.pk)
    office.ada.open(f"/requests/{request.pk}/")
    office.ada.follow("Give up")
    office.ada.press("Give up", reason="Revoked there by hand.")

    assert Certificate.objects.get().state == "refused"
    assert TokenRequest.objects.get().state == RequestState.CANCELLED
    assert not CaOrder.objects.parked().exists()


def test_only_an_administrator_decides_and_only_about_what_is_parked(
    office: Office, ca: ScriptedConnector
) -> None:
    parked_request(office, ca)
    certificate = Certificate.objects.get()
    company = office.company
    for actor in (company.paul, company.rita, company.uma):
        with pytest.raises(NotAllowed):
            parked_orders.ask_again(actor=actor, certificate_id=certificate.pk)
        with pytest.raises(NotAllowed):
            parked_orders.give_up(actor=actor, certificate_id=certificate.pk, reason="x")

    parked_orders.give_up(actor=company.ada, certificate_id=certificate.pk, reason="x")
    with pytest.raises(Stale, match="does not wait"):
        parked_orders.give_up(actor=company.ada, certificate_id=certificate.pk, reason="x")
    with pytest.raises(Stale, match="does not wait"):
        parked_orders.ask_again(actor=company.ada, certificate_id=certificate.pk)


def test_what_comes_after_it_was_given_up_is_revoked_and_shown(office: Office, ca: ScriptedConnector) -> None:
    request = parked_request(office, ca)
    order = CaOrder.objects.get()
    parked_orders.give_up(actor=office.company.ada, certificate_id=Certificate.objects.get().pk, reason="x")

    issuing.record(order.pk, issued()(order.request), late=True)
    page = office.ada.open(f"/requests/{request.pk}/").text
    assert "came when the order was refused" in page
    assert "not yet" in page
    with later(minutes=2):
        assert ca_scans.revoke_surplus() == 1
    assert len(ca.revoked) == 1


def test_what_nobody_wants_any_more_is_only_given_up(office: Office, ca: ScriptedConnector) -> None:
    request = parked_request(office, ca)
    cancellation.cancel(actor=office.company.ada, request_id=request.pk, reason="left the project")

    page = office.ada.open(f"/requests/{request.pk}/").text

    assert "Nobody wants this certificate any more" in page
    assert "/ask-again/" not in page
    office.ada.follow("Give up")
    office.ada.press("Give up", reason="The CA has no such request.")
    assert "/give-up/" not in office.ada.open(f"/requests/{request.pk}/").text


def test_during_a_leave_the_order_waits(office: Office, ca: ScriptedConnector) -> None:
    request = parked_request(office, ca)
    Person.objects.filter(pk=request.person_id).update(state=PersonState.INACTIVE)

    page = office.ada.open(f"/requests/{request.pk}/").text

    assert "Ask again: The person is Inactive." in page
    assert "/ask-again/" not in page
