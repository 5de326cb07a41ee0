"""What an administrator does with requests, tokens and mails; and what an old or forged form gets."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import (
    AuditEvent,
    Certificate,
    MailState,
    OutgoingMail,
    Person,
    PersonState,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.workflow.people import leave_and_return
from tests.tools import cast
from tests.tools.sign_in import prove, signed_in


def page(row: TokenRequest, action: str = "") -> str:
    return reverse(f"console:request-{action}" if action else "console:request", args=[row.pk])


def token_page(row: TokenRequest, action: str) -> str:
    return reverse(f"console:token-{action}", args=[row.tokens.get().pk])


def state_of(row: TokenRequest) -> str:
    return str(TokenRequest.objects.get(pk=row.pk).state)


def test_cancel_asks_first_and_says_for_whom(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issuing")

    text = ada.get(page(row, "cancel")).text

    assert "Cancel the request for Uma Lindqvist?" in text
    assert state_of(row) == RequestState.ISSUING


def test_cancel_ends_the_request_with_the_reason(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issuing")

    response = ada.post(page(row, "cancel"), {"reason": "left the project"}, follow=True)

    assert response.redirect_chain == [(page(row), 302)]
    assert state_of(row) == RequestState.CANCELLED
    assert "left the project" in response.text


@pytest.mark.parametrize("reason", ["", "  "])
def test_cancel_without_a_reason_is_an_error_at_the_field(
    ada: Client, company: cast.Company, reason: str
) -> None:
    row = company.request_in("issuing")

    response = ada.post(page(row, "cancel"), {"reason": reason})

    assert response.status_code == 422
    assert response.context["form"].errors == {"reason": ["Say why."]}
    assert state_of(row) == RequestState.ISSUING


def test_a_reason_that_is_too_long_is_an_error_at_the_field(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issuing")

    assert ada.post(page(row, "cancel"), {"reason": "x" * 2001}).status_code == 422
    assert state_of(row) == RequestState.ISSUING


@pytest.mark.parametrize("state", ["issued", "completed", "rejected", "cancelled", "declined", "lapsed"])
def test_what_cannot_be_cancelled_any_more_says_so_and_shows_the_present_state(
    ada: Client, company: cast.Company, state: str
) -> None:
    row = company.request_in(state)

    response = ada.post(page(row, "cancel"), {"reason": "x"})

    assert response.status_code == 409
    assert "cannot be cancelled any more" in response.text
    assert "Meanwhile:" in response.text
    assert response.context["row"].state == state == state_of(row)


def test_pages_of_what_has_ended_meanwhile_say_so_at_once(ada: Client, company: cast.Company) -> None:
    row = company.request_in("cancelled")
    asked = {
        page(row, "cancel"): "This request is issued or has ended; it cannot be cancelled any more.",
        page(row, "issue-remaining"): "This request has not failed, or was retried meanwhile.",
        page(row, "revoke-all"): "This request has not failed, or was retried meanwhile.",
        token_page(row, "revoke"): "This token is not in use any more.",
        token_page(row, "hold"): "Only a token that is in use can be put on hold.",
        token_page(row, "reinstate"): "This token is not on hold.",
        token_page(row, "send-again"): "This token is not in use, so its file is not sent.",
    }

    for address, sentence in asked.items():
        response = ada.get(address)

        assert response.status_code == 200
        assert sentence in response.text, address
        assert f'<a class="button" href="{page(row)}">See how it stands now</a>' in response.text, address
        assert 'class="form card"' not in response.text, address


def test_retry_has_a_failed_request_tried_again(ada: Client, company: cast.Company) -> None:
    row = company.request_in("failed")

    response = ada.post(page(row, "retry"), follow=True)

    assert response.redirect_chain == [(page(row), 302)]
    assert state_of(row) == RequestState.ISSUING


@pytest.mark.parametrize("state", [state.value for state in RequestState if state != RequestState.FAILED])
def test_what_has_not_failed_is_not_retried(ada: Client, company: cast.Company, state: str) -> None:
    row = company.request_in(state)

    response = ada.post(page(row, "retry"))

    assert response.status_code == 409
    assert "This request has not failed, or was retried meanwhile." in response.text
    assert state_of(row) == state


def test_a_failed_request_of_who_is_not_active_is_not_retried(ada: Client, company: cast.Company) -> None:
    row = company.request_in("failed")
    company.uma.refresh_from_db()
    company.uma.deactivate()
    company.uma.save()

    response = ada.post(page(row, "retry"))

    assert company.uma.state == PersonState.INACTIVE
    assert response.status_code == 422
    assert "This person is Inactive." in response.text
    assert state_of(row) == RequestState.FAILED


def test_retry_now_makes_due_what_waits(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issuing")
    certificate = Certificate.objects.get(token__request=row)
    certificate.attempts = 7
    certificate.settle_later("timed out", now=timezone.now())
    certificate.save()

    ada.post(page(row, "retry-now"))

    certificate.refresh_from_db()
    assert certificate.next_attempt_at is not None
    assert certificate.next_attempt_at <= timezone.now()


def test_retry_now_makes_due_what_could_not_be_sealed(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issuing")
    token = row.tokens.get()
    token.settle_later("no memory", now=timezone.now())
    token.save()
    assert page(row, "retry-now") in ada.get(page(row)).text

    ada.post(page(row, "retry-now"))

    token.refresh_from_db()
    assert token.next_attempt_at is not None
    assert token.next_attempt_at <= timezone.now()


def on_leave(company: cast.Company) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="parental leave")


def test_what_waits_for_a_return_is_not_retried_now(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issuing")
    certificate = Certificate.objects.get(token__request=row)
    certificate.settle_later("timed out", now=timezone.now())
    certificate.save()
    on_leave(company)

    shown = ada.get(page(row)).text
    assert "Retry now: The person is Inactive. This request goes on when the person is activated." in shown
    assert page(row, "retry-now") not in shown
    assert "when the person is activated" in shown

    before = Certificate.objects.get(pk=certificate.pk).next_attempt_at
    response = ada.post(page(row, "retry-now"))
    assert response.status_code == 409
    assert "This request goes on when the person is activated." in response.text
    assert Certificate.objects.get(pk=certificate.pk).next_attempt_at == before


def test_what_does_not_wait_for_a_return_is_retried_now(ada: Client, company: cast.Company) -> None:
    """The CA has to be told of the hold; the mail with the file waits."""
    row = company.request_in("issued")
    on_leave(company)
    certificate = Certificate.objects.get(token__request=row)
    certificate.settle_later("timed out", now=timezone.now())
    certificate.save()

    assert page(row, "retry-now") in ada.get(page(row)).text
    response = ada.post(page(row, "retry-now"), follow=True)

    assert "tried now, but for what waits for the person to be activated." in response.text
    due = Certificate.objects.get(pk=certificate.pk).next_attempt_at
    assert due is not None
    assert due <= timezone.now()


def test_a_mail_that_waits_for_a_return_says_so(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issued")
    mail = OutgoingMail.objects.get(request=row, message="delivery")
    OutgoingMail.objects.filter(pk=mail.pk).update(next_attempt_at=timezone.now() + timedelta(hours=1))
    on_leave(company)

    response = ada.post(reverse("console:mail-retry", args=[mail.pk]), follow=True)

    assert "The mail waits: The person is not Active, or the token is on hold." in response.text
    assert "The mail is sent again." not in response.text


def test_revoke_asks_for_a_reason(ada: Client, company: cast.Company) -> None:
    row = company.request_in("completed")

    shown = ada.get(token_page(row, "revoke"))
    response = ada.post(token_page(row, "revoke"), {})

    assert "Revoke VPN of Uma Lindqvist?" in shown.text
    assert response.status_code == 422
    assert response.context["form"].errors == {"reason": ["Choose why it is revoked."]}
    assert row.tokens.get().state == TokenState.ACTIVE


@pytest.mark.parametrize("reason", ["keyCompromise", "superseded"])
def test_revoke_ends_the_token(ada: Client, company: cast.Company, reason: str) -> None:
    row = company.request_in("completed")

    response = ada.post(token_page(row, "revoke"), {"reason": reason}, follow=True)

    assert response.redirect_chain == [(page(row), 302)]
    token = row.tokens.get()
    assert (token.state, token.reason) == (TokenState.REVOKED, reason)
    assert "The certificate authority is told now." in response.text
    assert "the certificate authority is being told" in response.text


@pytest.mark.parametrize("reason", ["certificateHold", "because", "cACompromise"])
def test_a_reason_that_is_not_offered_revokes_nothing(
    ada: Client, company: cast.Company, reason: str
) -> None:
    row = company.request_in("completed")

    assert ada.post(token_page(row, "revoke"), {"reason": reason}).status_code == 422
    assert row.tokens.get().state == TokenState.ACTIVE


@pytest.mark.parametrize("state", ["requested", "issuing", "cancelled", "rejected"])
def test_what_is_not_in_use_is_neither_revoked_nor_sent(
    ada: Client, company: cast.Company, state: str
) -> None:
    row = company.request_in(state)

    revoked = ada.post(token_page(row, "revoke"), {"reason": "superseded"})
    sent = ada.post(token_page(row, "send-again"), {"container_format": "standard"})

    assert (revoked.status_code, sent.status_code) == (409, 409)
    assert "This token is not in use any more." in revoked.text
    assert "This token is not in use, so its file is not sent." in sent.text


@pytest.mark.parametrize("container_format", ["standard", "compatible"])
def test_send_again_queues_one_mail(ada: Client, company: cast.Company, container_format: str) -> None:
    row = company.request_in("completed")
    before = row.mails.filter(message="delivery").count()

    response = ada.post(token_page(row, "send-again"), {"container_format": container_format}, follow=True)

    assert "The file is on its way again." in response.text
    assert row.mails.filter(message="delivery").count() == before + 1
    assert (
        row.mails.filter(message="delivery", container_format=container_format, state="queued").count() == 1
    )


def test_who_sends_to_an_address_that_the_person_has_left_is_told(ada: Client, company: cast.Company) -> None:
    row = company.request_in("completed")
    mail = row.mails.get(message="delivery")
    addresses = token_page(row, "send-again"), reverse("console:mail", args=[mail.pk])
    assert all("new@example.com" not in ada.get(address).text for address in addresses)

    Person.objects.filter(pk=company.uma.pk).update(email="new@example.com")

    sending, sent = (ada.get(address).text for address in addresses)
    assert "The person&#x27;s address is new@example.com by now." in sending
    assert "A mail with the file goes to uma@example.com" in sending
    assert "new@example.com" in sent


def test_send_again_twice_sends_once(ada: Client, company: cast.Company) -> None:
    row = company.request_in("completed")
    form = {"container_format": "standard"}

    ada.post(token_page(row, "send-again"), form)
    response = ada.post(token_page(row, "send-again"), form)

    assert response.status_code == 422
    assert "The file is on its way already." in response.text
    assert row.mails.filter(message="delivery", state="queued").count() == 1


def test_a_format_that_does_not_exist_is_an_error_at_the_field(ada: Client, company: cast.Company) -> None:
    row = company.request_in("completed")

    response = ada.post(token_page(row, "send-again"), {"container_format": "jks"})

    assert response.status_code == 422
    assert "container_format" in response.context["form"].errors


def refused_mail(row: TokenRequest) -> OutgoingMail:
    mail = row.mails.get(message="information")
    mail.mark_failed(error="550 no such user", error_code="SMTP 550", now=timezone.now())
    mail.save()
    return mail


def test_a_refused_mail_is_queued_again_once(ada: Client, company: cast.Company) -> None:
    row = company.request_in("awaiting_acceptance")
    mail = refused_mail(row)
    address = reverse("console:mail-retry", args=[mail.pk])

    first, second = ada.post(address, follow=True), ada.post(address)

    assert first.redirect_chain == [(page(row), 302)]
    assert "The mail is sent again." in first.text
    assert OutgoingMail.objects.get(pk=mail.pk).state == MailState.QUEUED
    assert second.status_code == 409


def test_an_auditor_reads_and_does_nothing(company: cast.Company) -> None:
    row = company.request_in("failed")
    otto = signed_in(cast.person("otto", roles=("auditor",)))
    events = AuditEvent.objects.exclude(name="access.denied").count()

    for address in (
        page(row, "cancel"),
        page(row, "retry"),
        page(row, "retry-now"),
        token_page(row, "revoke"),
    ):
        assert otto.post(address, {"reason": "keyCompromise"}).status_code == 403

    shown = otto.get(page(row)).text
    assert page(row, "retry") not in shown
    assert page(row, "cancel") not in shown
    assert AuditEvent.objects.exclude(name="access.denied").count() == events
    assert SoftwareToken.objects.get(request=row).state == TokenState.ISSUING


def test_all_tokens_of_a_person_are_revoked_from_their_page(ada: Client, company: cast.Company) -> None:
    row = company.request_in("completed")
    address = reverse("console:person-revoke-all", args=[company.uma.pk])
    assert address in ada.get(reverse("console:person", args=[company.uma.pk])).text

    asked = ada.get(address).text
    assert "Revoke all software tokens of Uma Lindqvist?" in asked
    assert "/account/reauthenticate/" in ada.post(address, {"reason": "cessationOfOperation"})["Location"]
    assert row.tokens.get().state != TokenState.REVOKED
    prove(ada)
    assert ada.post(address, {}).status_code == 422
    done = ada.post(address, {"reason": "cessationOfOperation"}, follow=True)
    assert done.redirect_chain == [(reverse("console:person", args=[company.uma.pk]), 302)]
    assert row.tokens.get().state == TokenState.REVOKED
    assert address not in done.text
    assert "This person has no certificate that is to be revoked." in ada.get(address).text


def test_an_administrator_ticks_which_encryption_certificates_are_revoked(
    ada: Client, company: cast.Company
) -> None:
    row = company.request_in("completed")
    Certificate.objects.update(profile=cast.profile("cipher", purpose="encryption"))
    address, cipher = token_page(row, "revoke"), Certificate.objects.get()
    assert str(cipher.pk) in ada.get(address).text

    refused = ada.post(address, {"reason": "keyCompromise"})
    assert refused.status_code == 422
    assert "It has only encryption certificates" in refused.text
    ada.post(address, {"reason": "keyCompromise", "encryption": [str(cipher.pk)]})
    assert Certificate.objects.get().revocation_decided_at
