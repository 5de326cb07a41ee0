"""A CA that cannot be told to revoke: it is said before, an officer does it there, and says so here."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from ca_bridge import registry
from ca_bridge.contract import RevocationOutcome
from identity_manager.models import AuditEvent, Certificate, CertificateState
from identity_manager.workflow import revoke
from identity_manager.workflow.errors import NotAllowed, Refused, Stale
from tests.ca_bridge.scripted import ScriptedConnector, issued
from tests.identity_manager.workflow.test_races import succeeded, together
from tests.journeys.office import Office, later

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


class MuteConnector(ScriptedConnector):
    """Its protocol has no revocation."""

    revokes = False


@pytest.fixture
def ca(settings: Any) -> ScriptedConnector:
    """The CA of every profile."""
    connector = "tests.journeys.test_revoked_by_hand.MuteConnector"
    settings.CA_CONNECTORS = {**configured.CA_CONNECTORS, "corporate": {"CONNECTOR": connector}}
    instance: Any = registry.connector("corporate")
    instance.script.clear()
    instance.revoked.clear()
    instance.outcome = RevocationOutcome.UNSUPPORTED
    return instance


@pytest.fixture
def certificate(office: Office, ca: ScriptedConnector) -> Certificate:
    """uma has a token of that CA, and knows its passphrase."""
    ca.script.append(issued())
    request = office.enable("VPN")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    return Certificate.objects.get()


def test_from_the_click_to_the_officers_word(
    office: Office, ca: ScriptedConnector, certificate: Certificate
) -> None:
    token, request = certificate.token, certificate.token.request
    page = office.uma.open(f"/my/certificates/{token.pk}/lock/").text
    assert "the office has it revoked there" in page
    office.uma.press("Lock certificates", reason="keyCompromise")
    assert "Locked here" in office.uma.open(f"/my/certificates/{token.pk}/").text

    with later(minutes=50):
        pass
    assert len(ca.revoked) == 1
    with later(hours=3):
        pass
    assert len(ca.revoked) == 2, "it is looked at now and then, not tried again and again"
    certificate.refresh_from_db()
    assert (certificate.state, certificate.last_error) == (CertificateState.VALID, "")
    assert AuditEvent.objects.filter(name="certificate.revocation-left-to-hands").count() == 1

    assert "certificate has to be revoked at its authority by hand" in office.ada.open("/").text
    tasks = office.ada.open("/open-tasks/").text
    assert certificate.serial in tasks
    assert "Uma Lindqvist" in tasks
    assert "at the certificate authority by hand" in office.ada.open(f"/requests/{request.pk}/").text
    found = office.ada.open("/search/?kind=certificate&state=revocation-by-hand").text
    assert "Uma Lindqvist" in found

    office.ada.open("/open-tasks/")
    office.ada.follow("It is revoked")
    assert certificate.serial in office.ada.page.text
    office.ada.press("It is revoked")

    certificate.refresh_from_db()
    assert certificate.state == CertificateState.REVOKED
    event = AuditEvent.objects.get(name="certificate.revoked-by-hand")
    assert (event.actor, event.facts["serial"]) == (office.company.ada, certificate.serial)
    assert certificate.serial not in office.ada.open("/open-tasks/").text
    assert "Locked here" not in office.uma.open(f"/my/certificates/{token.pk}/").text


def left_to_hands(office: Office, certificate: Certificate) -> None:
    revoke.revoke_token(
        actor=office.company.uma,
        token_id=certificate.token_id,
        reason=revoke.RevocationReason.KEY_COMPROMISE,
    )


def test_only_an_administrator_says_so_and_once(office: Office, certificate: Certificate) -> None:
    company = office.company
    with pytest.raises(Stale, match="does not wait"):
        revoke.done_by_hand(actor=company.ada, certificate_id=certificate.pk)
    left_to_hands(office, certificate)
    for actor in (company.paul, company.rita, company.uma):
        with pytest.raises(NotAllowed):
            revoke.done_by_hand(actor=actor, certificate_id=certificate.pk)
    revoke.done_by_hand(actor=company.ada, certificate_id=certificate.pk)
    with pytest.raises(Stale, match="does not wait"):
        revoke.done_by_hand(actor=company.ada, certificate_id=certificate.pk)


def test_of_two_officers_one_has_said_so(office: Office, certificate: Certificate) -> None:
    left_to_hands(office, certificate)

    def say() -> Certificate:
        return revoke.done_by_hand(actor=office.company.ada, certificate_id=certificate.pk)

    results = together(say, say, say)
    assert succeeded(results) == 1
    assert sum(isinstance(each, Refused) for each in results) == 2
    assert AuditEvent.objects.filter(name="certificate.revoked-by-hand").count() == 1


def test_a_ca_that_sees_that_it_was_done_takes_it_off_the_list(
    office: Office, ca: ScriptedConnector, certificate: Certificate
) -> None:
    left_to_hands(office, certificate)
    ca.outcome = RevocationOutcome.ALREADY_REVOKED
    with later(hours=2):
        certificate.refresh_from_db()
        assert certificate.state == CertificateState.REVOKED
    assert not Certificate.objects.to_be_revoked_by_hand(timezone.now()).exists()


def test_what_has_ended_need_not_be_revoked_any_more(office: Office, certificate: Certificate) -> None:
    left_to_hands(office, certificate)
    now = timezone.now()
    assert Certificate.objects.to_be_revoked_by_hand(now).exists()
    assert not Certificate.objects.to_be_revoked_by_hand(now + timedelta(days=4000)).exists()
