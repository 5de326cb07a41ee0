"""One request, several CAs: one of them refuses, and an officer gives the rest, or has it revoked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.utils import timezone

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.contract import Pending
from ca_bridge.contract import Refused as RefusedByCa
from ca_bridge.errors import CaError
from identity_manager.models import (
    AuditEvent,
    Certificate,
    CertificateState,
    OutgoingMail,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.issuance import partial_issue
from identity_manager.workflow.requests import cancellation
from identity_manager.workflow.revocation import hold
from tests.ca_bridge.scripted import Issuance, ScriptedConnector, answers, issued
from tests.identity_manager.workflow.test_races import succeeded, together
from tests.journeys.office import Office, delivered_files, later
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]
NO = answers(RefusedByCa("The certificate authority refused the request.", "HTTP 400: unknown role: sign"))
Verb = Callable[..., TokenRequest]


@pytest.fixture
def other(settings: Any) -> ScriptedConnector:
    """A second CA."""
    connector = "tests.ca_bridge.scripted.ScriptedConnector"
    settings.CA_CONNECTORS = {**configured.CA_CONNECTORS, "other": {"CONNECTOR": connector}}
    instance: Any = registry.connector("other")
    instance.script.clear()
    instance.calls.clear()
    instance.revoked.clear()
    return instance


@pytest.fixture
def mixed(office: Office, other: ScriptedConnector) -> str:
    """A token type with a certificate of each CA."""
    cast.profile("sign", ca="other", name="Sign")
    return str(cast.token_type("mixed", profiles=("client", "sign")))


def half_refused(office: Office, other: ScriptedConnector, *labels: str) -> TokenRequest:
    other.script.append(NO)
    request = office.enable(*labels)
    office.accept(request)
    row = TokenRequest.objects.get(pk=request.pk)
    assert row.state == RequestState.FAILED
    return row


def states() -> dict[str, str]:
    return {row.profile.ca: row.state for row in Certificate.objects.select_related("profile")}


def test_each_certificate_comes_from_its_ca(office: Office, other: ScriptedConnector, mixed: str) -> None:
    other.script.append(issued())
    office.accept(office.enable(mixed))
    assert states() == {"corporate": "valid", "other": "valid"}
    assert len(delivered_files("uma@example.com")) == 2


def test_the_rest_is_given(office: Office, other: ScriptedConnector, mixed: str) -> None:
    request = half_refused(office, other, mixed)
    assert states() == {"corporate": "valid", "other": "refused"}
    assert delivered_files("uma@example.com") == []

    office.ada.open(f"/requests/{request.pk}/")
    office.ada.follow("Issue the remaining certificates")
    assert "Enter" in office.ada.press("Issue the remaining certificates", reason=" ").text
    office.ada.press("Issue the remaining certificates", reason="She signs with her card.")

    assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert len(delivered_files("uma@example.com")) == 1
    event = AuditEvent.objects.get(name="request.rest-given")
    assert (event.actor, event.facts["left_out"]) == (office.company.ada, ["sign"])
    mail = OutgoingMail.objects.get(message="rest_given")
    assert mail.person == office.company.uma
    for words in (
        "left out:\n\n- MIXED: Sign\n",
        "has refused it for good",
        "remaining certificates:\n\n- MIXED: ",
    ):
        assert words in mail.body_text
    for word in ("HTTP", "role", "corporate", "card"):
        assert word not in mail.body_text, "the detail is the office's, and its reason stays with it"
    page = office.ada.open(f"/requests/{request.pk}/").text
    assert "An officer issues the remaining certificates" in page
    assert "Left out" in page
    assert "What does not go through" not in page

    office.show_passphrase(request)
    office.note_passphrase()
    assert TokenRequest.objects.get().state == RequestState.COMPLETED
    token = SoftwareToken.objects.get()
    assert "this token comes without it" in office.uma.open(f"/my/certificates/{token.pk}/").text
    with later(hours=2):
        pass
    assert other.calls == ["issue"], "what is left out is not asked for again"


@pytest.mark.nightly
def test_a_token_of_which_nothing_is_left_is_cancelled_and_the_others_go_on(
    office: Office, other: ScriptedConnector
) -> None:
    cast.profile("sign", ca="other", name="Sign")
    lone = str(cast.token_type("lone", profiles=("sign",)))
    request = half_refused(office, other, "VPN", lone)
    partial_issue.issue_remaining(actor=office.company.ada, request_id=request.pk, reason="x")
    by_code = {row.type_code: row.state for row in SoftwareToken.objects.all()}
    assert by_code == {"lone": TokenState.CANCELLED, "vpn": TokenState.SEALED}
    assert TokenRequest.objects.get().state == RequestState.ISSUED


def test_the_rest_is_revoked(office: Office, other: ScriptedConnector, mixed: str) -> None:
    request = half_refused(office, other, mixed)
    office.ada.open(f"/requests/{request.pk}/")
    office.ada.follow("Revoke the remaining certificates")
    office.ada.press("Revoke the remaining certificates", reason="Half of it is of no use.")

    assert TokenRequest.objects.get().state == RequestState.CANCELLED
    assert states() == {"corporate": "revoked", "other": "refused"}
    row = Certificate.objects.get(profile__ca="corporate")
    event = AuditEvent.objects.get(name="request.rest-revoked")
    assert (event.actor, event.facts["serials"]) == (office.company.ada, [row.serial])
    assert delivered_files("uma@example.com") == []


def one_in_use_one_refused(office: Office, other: ScriptedConnector) -> tuple[TokenRequest, SoftwareToken]:
    """The other CA takes its time, so the first token is noted before the refusal comes."""
    cast.profile("sign", ca="other", name="Sign")
    lone = str(cast.token_type("lone", profiles=("sign",)))
    other.script.append(answers(Pending("17", timezone.now() + timedelta(hours=1))))
    request = office.enable("VPN", lone)
    office.accept(request)
    token = cast.noted(SoftwareToken.objects.get(type_code="vpn"))
    assert token.state == TokenState.ACTIVE
    other.script.append(NO)
    with later(hours=2):
        assert TokenRequest.objects.get().state == RequestState.FAILED
    return request, token


@pytest.mark.nightly
@pytest.mark.parametrize("held", [False, True])
def test_what_is_in_use_already_is_revoked_too(
    office: Office, other: ScriptedConnector, *, held: bool
) -> None:
    request, token = one_in_use_one_refused(office, other)
    if held:
        hold.put_on_hold(actor=office.company.ada, token_id=token.pk, reason="the laptop is missing")

    partial_issue.revoke_all(actor=office.company.ada, request_id=request.pk, reason="x")
    token.refresh_from_db()
    assert token.state == TokenState.REVOKED
    assert states()["corporate"] == "revoked"
    assert TokenRequest.objects.get().state == RequestState.CANCELLED


@pytest.mark.nightly
def test_what_is_in_use_outlives_a_cancelled_request_on_hold_or_not(
    office: Office, other: ScriptedConnector
) -> None:
    request, token = one_in_use_one_refused(office, other)
    ada = office.company.ada
    hold.put_on_hold(actor=ada, token_id=token.pk, reason="the laptop is missing")

    cancellation.cancel(actor=ada, request_id=request.pk, reason="no longer needed")

    token.refresh_from_db()
    assert token.state == TokenState.ON_HOLD
    hold.reinstate(actor=ada, token_id=token.pk)
    mail = resending.send_again(actor=ada, token_id=token.pk, container_format="standard")
    step7_deliver.send(mail_id=mail.pk)
    assert OutgoingMail.objects.get(pk=mail.pk).state == "sent"


@pytest.mark.parametrize("verb", [partial_issue.issue_remaining, partial_issue.revoke_all])
def test_only_an_administrator_decides_and_only_where_there_is_a_rest(
    office: Office, other: ScriptedConnector, mixed: str, verb: Verb
) -> None:
    company = office.company
    request = half_refused(office, other, mixed)
    for actor in (company.paul, company.rita, company.uma):
        with pytest.raises(NotAllowed):
            verb(actor=actor, request_id=request.pk, reason="x")
    with pytest.raises(NotPossible):
        verb(actor=company.ada, request_id=request.pk, reason=" ")
    Certificate.objects.filter(profile__ca="corporate").update(state=CertificateState.REFUSED)
    with pytest.raises(NotPossible, match="Nothing of this request is left"):
        verb(actor=company.ada, request_id=request.pk, reason="x")
    assert "Issue the remaining certificates" not in office.ada.open(f"/requests/{request.pk}/").text
    cancellation.cancel(actor=company.ada, request_id=request.pk, reason="x")
    with pytest.raises(Stale, match="has not failed"):
        verb(actor=company.ada, request_id=request.pk, reason="x")


def test_where_the_person_has_changed_nothing_is_given(
    office: Office, other: ScriptedConnector, mixed: str
) -> None:
    request = half_refused(office, other, mixed)
    type(office.company.uma).objects.filter(pk=office.company.uma.pk).update(surname="Berg")
    with pytest.raises(Stale, match="data have changed"):
        partial_issue.issue_remaining(actor=office.company.ada, request_id=request.pk, reason="x")


@pytest.mark.nightly
def test_of_many_officers_one_decides(office: Office, other: ScriptedConnector, mixed: str) -> None:
    request = half_refused(office, other, mixed)
    ada, key = office.company.ada, request.pk
    results = together(
        lambda: partial_issue.issue_remaining(actor=ada, request_id=key, reason="give"),
        lambda: partial_issue.revoke_all(actor=ada, request_id=key, reason="revoke"),
        lambda: partial_issue.issue_remaining(actor=ada, request_id=key, reason="give"),
        lambda: partial_issue.revoke_all(actor=ada, request_id=key, reason="revoke"),
    )
    assert succeeded(results) == 1
    told = AuditEvent.objects.filter(name__in=("request.rest-given", "request.rest-revoked"))
    given = told.get().name == "request.rest-given"
    assert len(delivered_files("uma@example.com")) == (1 if given else 0)
    revoked = Certificate.objects.filter(profile__ca="corporate", state=CertificateState.REVOKED)
    assert revoked.exists() is not given


@pytest.mark.nightly
def test_another_try_does_not_bring_back_what_was_left_out(
    office: Office, other: ScriptedConnector, mixed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One CA refuses while the other one is down; the rest is given, and then refused, too."""

    def down(_self: Any, _order: Any) -> None:
        raise CaError("The certificate authority cannot be reached.")

    refused = RefusedByCa("No such profile.", "")
    with monkeypatch.context() as outage:
        outage.setattr(EmbeddedConnector, "issue", down)
        request = half_refused(office, other, mixed)
        assert states() == {"corporate": "ordered", "other": "refused"}
        partial_issue.issue_remaining(actor=office.company.ada, request_id=request.pk, reason="x")
        outage.setattr(EmbeddedConnector, "issue", lambda _self, _order: refused)
        with later(minutes=2):
            assert TokenRequest.objects.get().state == RequestState.FAILED
    assert "Issue the remaining certificates" not in office.ada.open(f"/requests/{request.pk}/").text

    office.ada.press("Retry")
    assert states() == {"corporate": "valid", "other": "refused"}
    assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert (other.calls, len(delivered_files("uma@example.com"))) == (["issue"], 1)


@pytest.mark.nightly
def test_a_shorter_validity_is_used_and_said(office: Office, other: ScriptedConnector) -> None:
    cast.profile("sign", ca="other", name="Sign")
    lone = str(cast.token_type("lone", profiles=("sign",)))
    other.script.append(issued(Issuance(not_after=timezone.now() + timedelta(days=30))))
    request = office.enable(lone)
    office.accept(request)

    row = Certificate.objects.get()
    assert row.state == CertificateState.VALID
    assert row.shorter_than is not None
    event = AuditEvent.objects.get(name="certificate.shorter-than-ordered")
    assert event.facts["serial"] == row.serial
    page = office.ada.open(f"/requests/{request.pk}/").text
    assert "A shorter time than was ordered" in page


@pytest.mark.nightly
def test_the_time_that_was_ordered_is_no_news(office: Office) -> None:
    office.accept(office.enable("VPN"))
    assert Certificate.objects.get().shorter_than is None
    assert not AuditEvent.objects.filter(name="certificate.shorter-than-ordered").exists()
