"""A CA that cannot be told to revoke: it is said before, an officer does it there, and says so here."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from django.conf import settings as configured
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.contract import RevocationOutcome
from ca_bridge.errors import CaError
from identity_manager.console.open_tasks import page as open_tasks
from identity_manager.console.search.forms import BY_HAND
from identity_manager.jobs import ca_scans
from identity_manager.models import (
    AuditEvent,
    Certificate,
    CertificateState,
    Person,
    Role,
    RoleAssignment,
    SurplusByHand,
)
from identity_manager.transactions.refusals import NotAllowed, Refused, Stale
from identity_manager.workflow.issuance import surplus
from identity_manager.workflow.revocation import revoke
from tests.ca_bridge.scripted import Issuance, ScriptedConnector, Step, issued
from tests.identity_manager.console.visitors import officer
from tests.identity_manager.workflow.test_races import succeeded, together
from tests.journeys.office import Office, later
from tests.tools.sign_in import signed_in

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


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
    assert "an administrator has it revoked there" in page
    office.uma.press("Revoke certificates", reason="keyCompromise")
    assert "Revoked here" in office.uma.open(f"/my/certificates/{token.pk}/").text

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
    assert "Revoked here" not in office.uma.open(f"/my/certificates/{token.pk}/").text


def for_manual_revocation(office: Office, certificate: Certificate) -> None:
    revoke.revoke_token(
        actor=office.company.uma,
        token_id=certificate.token_id,
        reason=revoke.RevocationReason.KEY_COMPROMISE,
    )


def test_only_an_administrator_says_so_and_once(office: Office, certificate: Certificate) -> None:
    company = office.company
    with pytest.raises(Stale, match="does not wait"):
        revoke.done_by_hand(actor=company.ada, certificate_id=certificate.pk)
    for_manual_revocation(office, certificate)
    for actor in (company.paul, company.rita, company.uma):
        with pytest.raises(NotAllowed):
            revoke.done_by_hand(actor=actor, certificate_id=certificate.pk)
    revoke.done_by_hand(actor=company.ada, certificate_id=certificate.pk)
    with pytest.raises(Stale, match="does not wait"):
        revoke.done_by_hand(actor=company.ada, certificate_id=certificate.pk)


def test_of_two_officers_one_has_said_so(office: Office, certificate: Certificate) -> None:
    for_manual_revocation(office, certificate)

    def say() -> Certificate:
        return revoke.done_by_hand(actor=office.company.ada, certificate_id=certificate.pk)

    results = together(say, say, say)
    assert succeeded(results) == 1
    assert sum(isinstance(each, Refused) for each in results) == 2
    assert AuditEvent.objects.filter(name="certificate.revoked-by-hand").count() == 1


@pytest.mark.nightly
def test_a_ca_that_sees_that_it_was_done_takes_it_off_the_list(
    office: Office, ca: ScriptedConnector, certificate: Certificate
) -> None:
    for_manual_revocation(office, certificate)
    ca.outcome = RevocationOutcome.ALREADY_REVOKED
    with later(hours=2):
        certificate.refresh_from_db()
        assert certificate.state == CertificateState.REVOKED
    assert not Certificate.objects.to_be_revoked_by_hand(timezone.now()).exists()


@pytest.mark.nightly
def test_what_has_ended_need_not_be_revoked_any_more(office: Office, certificate: Certificate) -> None:
    for_manual_revocation(office, certificate)
    now = timezone.now()
    assert Certificate.objects.to_be_revoked_by_hand(now).exists()
    assert not Certificate.objects.to_be_revoked_by_hand(now + timedelta(days=4000)).exists()


def wrong() -> Step:
    """The CA issues for somebody else."""
    return issued(Issuance(subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Eve")])))


@pytest.fixture
def surplus_row(office: Office, ca: ScriptedConnector) -> SurplusByHand:
    """The CA issued something else than was ordered, and the office had it tried again with another key."""
    ca.script += [wrong(), issued()]
    request = office.enable("VPN")
    office.accept(request)
    office.ada.open(f"/requests/{request.pk}/")
    office.ada.press("Retry")
    assert not SurplusByHand.objects.exists()
    with later(minutes=2):
        assert ca_scans.revoke_surplus() == 0
    return SurplusByHand.objects.get()


def test_what_is_issued_beside_what_is_used_is_on_the_same_list(
    office: Office, ca: ScriptedConnector, surplus_row: SurplusByHand
) -> None:
    used = Certificate.objects.get()
    assert (surplus_row.certificate, surplus_row.serial == used.serial) == (used, False)
    assert "certificate has to be revoked at its authority by hand" in office.ada.open("/").text
    tasks = office.ada.open("/open-tasks/").text
    for fact in ("To be revoked at the certificate authority by hand", surplus_row.serial, "Uma Lindqvist"):
        assert fact in tasks
    office.ada.follow("It is revoked")
    for fact in (surplus_row.serial, "Eve"):
        assert fact in office.ada.page.text
    office.ada.press("It is revoked")

    assert surplus_row.serial not in office.ada.open("/open-tasks/").text
    surplus_row.flagged.refresh_from_db()
    assert surplus_row.flagged.revoked_at is not None
    found, left, done = AuditEvent.objects.filter(name__startswith="certificate.surplus-").order_by("pk")
    assert (found.name, found.facts["serial"]) == ("certificate.surplus-found", surplus_row.serial)
    assert (left.name, left.actor) == ("certificate.surplus-left-to-hands", None)
    assert (done.name, done.actor) == ("certificate.surplus-revoked-by-hand", office.company.ada)
    assert done.facts["serial"] == surplus_row.serial
    assert "what was issued and is not used" in office.ada.open(f"/requests/{used.token.request_id}/").text


@pytest.mark.nightly
def test_a_search_for_what_is_revoked_by_hand_says_what_it_cannot_list(
    office: Office, surplus_row: SurplusByHand
) -> None:
    search = f"/search/?kind=certificate&state={BY_HAND}"
    more = "1 certificate more has to be revoked by hand"
    link = "/open-tasks/#tasks-by-hand"
    ada = signed_in(office.company.ada)
    found = ada.get(search).text
    assert more in found
    assert link in found
    assert 'id="tasks-by-hand"' in ada.get("/open-tasks/").text
    assert more not in ada.get("/search/?kind=certificate").text

    found = signed_in(officer("otto", Role.AUDITOR, sid="")).get(search).text
    assert more in found
    assert link not in found
    elsewhere = signed_in(officer("nora", Role.TOKEN_ADMINISTRATOR, unit="Elsewhere", sid=""))
    assert more not in elsewhere.get(search).text

    surplus.done_by_hand(actor=office.company.ada, surplus_id=surplus_row.pk)
    assert more not in ada.get(search).text


@pytest.mark.nightly
def test_both_kinds_stand_in_one_list_and_both_count(
    office: Office, certificate: Certificate, ca: ScriptedConnector
) -> None:
    assert certificate.order is not None
    issuing.record(certificate.order.pk, wrong()(certificate.order.request), late=True)
    for_manual_revocation(office, certificate)
    with later(minutes=2):
        ca_scans.revoke_surplus()

    tasks = office.ada.open("/open-tasks/").text
    assert tasks.count("It is revoked") == 2
    assert (
        "to be done at the certificate authority by hand"
        in office.ada.open(f"/requests/{certificate.token.request_id}/").text
    )
    assert sum(open_tasks.numbers_of_tasks(office.company.ada).values()) == 2
    assert sum(open_tasks.numbers_of_tasks(office.company.paul).values()) == 0


@pytest.mark.nightly
def test_what_is_left_to_hands_is_told_though_another_is_only_put_off(
    office: Office, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = certificate.order
    assert order is not None
    for _ in range(2):
        issuing.record(order.pk, wrong()(order.request), late=True)
    outcomes = iter([CaError.not_issued_here("no such serial number"), CaError("The CA is away.")])

    def refuse(*_: object) -> RevocationOutcome:
        raise next(outcomes)

    monkeypatch.setattr(MuteConnector, "revoke", refuse)
    with later(minutes=2):
        assert ca_scans.revoke_surplus() == 0
    row = SurplusByHand.objects.get()
    assert row.last_error == "This CA has not issued this certificate. no such serial number"
    assert f'lang="en">{row.last_error}</span>' in office.ada.open("/open-tasks/").html
    page = office.ada.open(f"/requests/{certificate.token.request_id}/").html
    assert 'lang="en">The CA is away.</span>' in page
    assert '<span lang="en">came when the order was issued</span>' in page


@pytest.mark.nightly
def test_what_is_surplus_is_not_tried_again_each_minute(
    office: Office, ca: ScriptedConnector, surplus_row: SurplusByHand
) -> None:
    assert len(ca.revoked) == 1
    for minutes in (3, 10, 50):
        with later(minutes=minutes):
            ca_scans.revoke_surplus()
    assert len(ca.revoked) == 1
    ca.outcome = RevocationOutcome.ALREADY_REVOKED
    with later(hours=2):
        assert ca_scans.revoke_surplus() == 1
        assert not SurplusByHand.objects.to_be_revoked(timezone.now()).exists()
    assert AuditEvent.objects.filter(name="certificate.surplus-left-to-hands").count() == 1
    assert AuditEvent.objects.filter(name="certificate.surplus-revoked").count() == 1, "the CA has said so"


def test_only_an_administrator_says_once_that_what_is_surplus_is_revoked(
    office: Office, surplus_row: SurplusByHand
) -> None:
    company = office.company
    RoleAssignment.objects.create(person=company.uma, role=Role.TOKEN_ADMINISTRATOR)  # it is of her own token
    for actor in (company.paul, company.rita, Person.objects.get(pk=company.uma.pk)):
        with pytest.raises(NotAllowed):
            surplus.done_by_hand(actor=actor, surplus_id=surplus_row.pk)
    results = together(
        *[lambda: surplus.done_by_hand(actor=company.ada, surplus_id=surplus_row.pk) for _ in range(3)]
    )
    assert succeeded(results) == 1
    assert sum(isinstance(each, Stale) for each in results) == 2
    assert AuditEvent.objects.filter(name="certificate.surplus-revoked-by-hand").count() == 1


@pytest.mark.nightly
def test_what_is_surplus_and_has_ended_need_not_be_revoked(surplus_row: SurplusByHand) -> None:
    now = timezone.now()
    assert SurplusByHand.objects.to_be_revoked(now).exists()
    assert not SurplusByHand.objects.to_be_revoked(now + timedelta(days=4000)).exists()


@pytest.mark.nightly
def test_what_is_used_and_has_ended_waits_for_nobody(
    office: Office, ca: ScriptedConnector, certificate: Certificate
) -> None:
    for_manual_revocation(office, certificate)
    asked = len(ca.revoked)
    assert "It is revoked" in office.ada.open("/open-tasks/").text
    with later(days=4000):
        row = Certificate.objects.get()
        assert (row.state, row.next_attempt_at, row.claim_id) == (CertificateState.EXPIRED, None, None)
        assert not Certificate.objects.to_be_revoked().exists()
    assert "It is revoked" not in office.ada.open("/open-tasks/").text
    assert "Revoked here" not in office.uma.open(f"/my/certificates/{row.token_id}/").text
    assert "ended before its authority" in office.ada.open(f"/requests/{row.token.request_id}/").text
    assert len(ca.revoked) == asked, "no CA is told of what has ended"
    assert AuditEvent.objects.filter(name="certificate.expired").count() == 1
