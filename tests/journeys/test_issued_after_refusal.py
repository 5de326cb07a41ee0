"""A CA refuses, and issues all the same: it is found, told, and revoked; nobody gets it."""

import uuid
from typing import Any

import pytest
from django.conf import settings as configured

from ca_bridge.connection import registry
from ca_bridge.contract import Issued, Refused, RevocationOutcome
from ca_bridge.x509.certificates import describe
from identity_manager.jobs import ca_scans
from identity_manager.models import (
    AuditEvent,
    Certificate,
    CertificateState,
    OutgoingMail,
    RequestState,
    Role,
    SurplusByHand,
    TokenRequest,
)
from identity_manager.workflow.issuance import settlement
from tests.ca_bridge import scripted
from tests.ca_bridge.scripted import ListingConnector, answers
from tests.journeys.office import Office, later
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]
REFUSAL = Refused("Not for you.", "policy 12")


@pytest.fixture
def ca(settings: Any) -> ListingConnector:
    """The CA of every profile; it can be searched."""
    connector = {"CONNECTOR": "tests.ca_bridge.scripted.ListingConnector"}
    settings.CA_CONNECTORS = {**configured.CA_CONNECTORS, "corporate": connector}
    instance: Any = registry.connector("corporate")
    for each in (instance.script, instance.calls, instance.revoked):
        each.clear()
    instance.outcome = RevocationOutcome.REVOKED
    return instance


@pytest.fixture
def late(office: Office, ca: ListingConnector) -> bytes:
    """What the CA issues after it has refused."""
    ca.script.append(answers(REFUSAL))
    request = office.enable("VPN")
    office.accept(request)
    (certificate,) = Certificate.objects.select_related("order")
    assert (certificate.state, request_state()) == (CertificateState.REFUSED, RequestState.FAILED)
    assert certificate.order is not None
    return scripted.sign(certificate.order.request)


def request_state() -> str:
    return TokenRequest.objects.get().state


def found() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(name="certificate.surplus-found"))


def test_it_is_found_told_and_revoked_and_never_delivered(
    office: Office, ca: ListingConnector, late: bytes
) -> None:
    mails = OutgoingMail.objects.count()
    ca.script.append(answers([late]))
    with later(minutes=12):
        assert ca_scans.compare_with_cas() == "1: the CA had issued more than is used"
        ca_scans.revoke_surplus()
    assert [certificate for certificate, _reason in ca.revoked] == [late]

    (event,) = found()
    (revoked,) = AuditEvent.objects.filter(name="certificate.surplus-revoked")
    assert revoked.facts == event.facts
    certificate = Certificate.objects.get()
    assert (event.token, event.facts["ca"]) == (certificate.token, "corporate")
    assert (certificate.state, certificate.certificate) == (CertificateState.REFUSED, None)
    assert (request_state(), OutgoingMail.objects.count()) == (RequestState.FAILED, mails)
    page = office.ada.open(f"/requests/{certificate.token.request_id}/").text
    assert event.facts["serial"] in page
    assert "it is revoked, and delivered to nobody" in page
    assert "What its authority had issued and is not used was revoked there" in page


def test_an_auditor_reads_the_whole_story(office: Office, ca: ListingConnector, late: bytes) -> None:
    ca.script.append(answers([late]))
    with later(minutes=12):
        ca_scans.compare_with_cas()
        ca_scans.revoke_surplus()
    token = Certificate.objects.get().token
    told = AuditEvent.objects.filter(token=token, name__startswith="certificate.").order_by("pk")
    assert [event.name for event in told][-3:] == [
        "certificate.refused",
        "certificate.surplus-found",
        "certificate.surplus-revoked",
    ]
    auditor = signed_in(cast.person("otto", roles=(Role.AUDITOR,)))
    page = auditor.get(f"/history/?request={token.request.reference}").text
    for said in (
        "A certificate was refused",
        "Its authority has issued what is not used",
        "What its authority had issued and is not used was revoked there",
    ):
        assert said in page


def test_what_a_worker_brings_after_its_lease_is_told_too(
    office: Office, ca: ListingConnector, late: bytes
) -> None:
    """Another worker had sent the order meanwhile, and the CA had refused it."""
    certificate = Certificate.objects.select_related("order").get()
    assert certificate.order is not None
    for _twice in range(2):
        settlement.settle(
            certificate_id=certificate.pk,
            claim_id=uuid.uuid4(),
            order_id=certificate.order.pk,
            outcome=Issued(late, ()),
            examined=None,
        )
    (event,) = found()
    assert event.facts["serial"] == describe(late).serial_hex


def test_also_after_a_retry_which_has_another_key(office: Office, ca: ListingConnector, late: bytes) -> None:
    """The request's page has it, although it is of a former order; this CA has it revoked by hand."""
    ca.outcome = RevocationOutcome.UNSUPPORTED
    ca.script.append(scripted.issued())
    request = TokenRequest.objects.get()
    office.ada.open(f"/requests/{request.pk}/")
    office.ada.press("Retry")
    used = Certificate.objects.get()
    assert used.state == CertificateState.VALID

    ca.script.append(answers([late]))
    with later(minutes=12):
        ca_scans.compare_with_cas()
        ca_scans.revoke_surplus()
    (event,) = found()
    row = SurplusByHand.objects.get()
    assert (row.certificate, row.serial) == (used, event.facts["serial"])
    assert row.serial in office.ada.open("/open-tasks/").text
    page = office.ada.open(f"/requests/{request.pk}/").text
    assert "More was issued for" in page
    assert row.serial in page
    used.refresh_from_db()
    assert used.state == CertificateState.VALID, "what is used stays"
