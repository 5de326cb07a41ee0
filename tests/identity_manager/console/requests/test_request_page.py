"""The page of a request in every state: steps, tokens, what is stuck, what can be done and why not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import (
    Certificate,
    MailFault,
    OutgoingMail,
    Person,
    PersonState,
    RequestState,
    Role,
    RoleAssignment,
    SignInCode,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.people import anonymisation
from identity_manager.ui.parts import StepState
from tests.tools import cast
from tests.tools.sign_in import signed_in

STATES = [state.value for state in RequestState]


def page(row: TokenRequest) -> str:
    return reverse("console:request", args=[row.pk])


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_its_page(ada: Client, company: cast.Company, state: str) -> None:
    row = company.request_in(state)

    response = ada.get(page(row))

    assert response.status_code == 200
    for words in (row.reference, "Uma Lindqvist", "Ada Berg", row.get_state_display()):
        assert words in response.text
    assert len(response.context["steps"]) == 7


@pytest.mark.parametrize("state", STATES)
def test_what_can_be_done_is_a_button_and_the_rest_is_no_news(
    ada: Client, company: cast.Company, state: str
) -> None:
    row = company.request_in(state)

    response = ada.get(page(row))

    cancel = reverse("console:request-cancel", args=[row.pk])
    cancellable = state in ("requested", "approved", "awaiting_acceptance", "issuing", "failed")
    assert (cancel in response.text) == cancellable
    assert "it cannot be cancelled any more" not in response.text
    retry = f'action="{reverse("console:request-retry", args=[row.pk])}"'
    assert (retry in response.text) == (state == "failed")
    assert "This request has not failed" not in response.text


def test_where_something_waits_what_cannot_be_done_says_why(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issued")
    assert "it cannot be cancelled any more" not in ada.get(page(row)).text

    mail = row.mails.order_by("pk").last()
    assert mail is not None
    fault = {"fault": MailFault.PASSING, "last_error": "451 try again"}
    OutgoingMail.objects.filter(pk=mail.pk).update(**fault, state="queued")

    text = ada.get(page(row)).text
    for words in ("Retry: This request has not failed", "it cannot be cancelled any more"):
        assert words in text


def test_the_original_process_ids_are_there(ada: Client, company: cast.Company) -> None:
    enabled = ada.get(page(company.request_in("requested"))).context["originals"]
    asked = ada.get(page(cast.asked(company.sam))).context["originals"]

    assert enabled[0] == "PstmProcRequestInitialSoftwareToken"
    assert asked[0] == "PstmProcRequestInitialSofttokenUSSP"
    assert (
        enabled[1:]
        == asked[1:]
        == [
            "PstmProcProceedSoftwareTokenRequest",
            "PstmProcSubStartSoftwareTokenRequest",
            "PstmProcSubRequestSoftwareToken",
        ]
    )


def test_before_approval_the_approver_reads_what_will_be_issued(paul: Client, company: cast.Company) -> None:
    text = paul.get(page(company.request_in("requested"))).text

    for attribute, value in (("Name", "Uma Lindqvist"), ("Personnel number", "P-uma")):
        assert re.search(rf"<dt>{attribute}</dt>\s*<dd[^>]*>\s*<bdi[^>]*>{value}</bdi>", text)
    assert "uma@example.com" in text


def test_what_was_issued_is_told_with_serial_and_validity(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issued")
    certificate = Certificate.objects.get(token__request=row)

    text = ada.get(page(row)).text

    assert certificate.serial in text
    assert certificate.issuer in text
    assert "Not looked at yet".lower() in text


def test_a_certificate_that_waits_for_its_ca_shows_error_attempts_and_next_try(
    ada: Client, company: cast.Company
) -> None:
    row = company.request_in("issuing")
    certificate = Certificate.objects.get(token__request=row)
    certificate.attempts = 7
    certificate.settle_later("connection timed out", now=timezone.now())
    certificate.save()

    response = ada.get(page(row))

    (stuck,) = response.context["stuck"]
    assert (stuck.error, stuck.attempts) == ("connection timed out", 7)
    assert stuck.next_attempt == certificate.next_attempt_at
    assert not stuck.is_due
    assert '<span lang="en">connection timed out</span>' in response.text
    assert reverse("console:request-retry-now", args=[row.pk]) in response.text


def test_a_failed_request_says_once_what_was_refused(ada: Client, company: cast.Company) -> None:
    response = ada.get(page(company.request_in("failed")))

    (stuck,) = response.context["stuck"]
    assert "department" in stuck.error
    assert stuck.next_attempt is None


def test_a_refused_mail_can_be_sent_again_by_an_administrator_only(
    ada: Client, paul: Client, company: cast.Company
) -> None:
    row = company.request_in("requested")
    mail = row.mails.first()
    assert mail is not None
    mail.mark_failed(error="550 no such user", error_code="SMTP 550", now=timezone.now())
    mail.save()
    retry = reverse("console:mail-retry", args=[mail.pk])

    assert "550 no such user" in ada.get(page(row)).text
    assert retry in ada.get(page(row)).text
    assert retry not in paul.get(page(row)).text


def test_nothing_is_stuck_where_all_goes_well(ada: Client, company: cast.Company) -> None:
    assert ada.get(page(company.request_in("completed"))).context["stuck"] == []


def test_changed_data_are_compared_while_the_request_is_open(ada: Client, company: cast.Company) -> None:
    row = company.request_in("awaiting_acceptance")
    Person.objects.filter(pk=company.uma.pk).update(surname="Lind")

    (difference,) = ada.get(page(row)).context["differences"]

    assert (difference.asked_for, difference.now) == ("Lindqvist", "Lind")


def test_the_history_is_told_newest_first(ada: Client, company: cast.Company) -> None:
    titles = [str(event.title) for event in ada.get(page(company.request_in("completed"))).context["history"]]

    assert titles[0] == "The request is completed"
    assert titles[-1] == "The request was opened"


def test_no_secret_and_no_container_is_read_for_the_page(ada: Client, company: cast.Company) -> None:
    row = company.request_in("issued")

    with CaptureQueriesContext(connection) as queries:
        ada.get(page(row))

    asked = " ".join(query["sql"].partition(" FROM ")[0] for query in queries.captured_queries)
    containers = '_container"."content"'
    for column in ("passphrase_wrapped", "private_key_wrapped", containers, "body_text", "body_html"):
        assert column not in asked, column


def test_the_number_of_queries_does_not_grow_with_tokens_and_mails(
    ada: Client, company: cast.Company, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    wide = cast.token_type("smime", profiles=("sign", "encrypt"))
    small = cast.delivered(cast.issued(cast.accepted(cast.enabled(company.ada, company.uma))))
    large = cast.delivered(
        cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, company.vpn, wide)))
    )
    ada.get(page(small))

    with django_assert_max_num_queries(30) as few:
        ada.get(page(small))
    with django_assert_max_num_queries(30) as many:
        ada.get(page(large))

    assert SoftwareToken.objects.filter(request=large).count() == 2
    assert OutgoingMail.objects.filter(request=large).count() > 1
    assert len(many) == len(few)


def test_two_steps_can_be_present_at_once(ada: Client, company: cast.Company) -> None:
    steps = ada.get(page(company.request_in("issued"))).context["steps"]

    assert [step.state for step in steps[5:]] == [StepState.WAITS, StepState.NOW]


def test_files_that_are_kept_no_longer_are_not_sent_again(ada: Client, company: cast.Company) -> None:
    row = company.request_in("completed")
    token = row.tokens.get()
    again = reverse("console:token-send-again", args=[token.pk])
    assert again in ada.get(page(row)).text

    anonymisation.remove_containers(token)

    text = ada.get(page(row)).text
    assert again not in text
    assert "The files of this token are kept no longer." not in text
    text = ada.get(reverse("console:person", args=[row.person_id])).text
    assert again not in text
    assert "Send again: The files of this token are kept no longer." in text


def test_a_failed_request_of_somebody_on_leave_says_why_it_is_not_retried(
    ada: Client, company: cast.Company
) -> None:
    row = company.request_in("failed")
    Person.objects.filter(pk=row.person_id).update(state=PersonState.INACTIVE)
    retry = reverse("console:request-retry", args=[row.pk])

    text = ada.get(page(row)).text

    assert retry not in text
    assert "Retry: This person is Inactive. Activate the person first." in text
    assert "Activate the person first." in ada.post(retry).text


def a_code_of(officer: Person, person: Person) -> None:
    """It was used, so the officer may know how the person signs in."""
    now = timezone.now()
    SignInCode.objects.create(
        person=person, asked_by=officer, needs_confirmation=False, made_at=now, used_at=now
    )


def test_who_made_a_sign_in_code_does_not_send_round_again(ada: Client, company: cast.Company) -> None:
    row = company.request_in("awaiting_acceptance")
    Person.objects.filter(pk=row.person_id).update(display_name="Uma Berg")
    resubmitting = reverse("console:request-resubmit", args=[row.pk])
    assert resubmitting in ada.get(page(row)).text

    a_code_of(company.ada, company.uma)

    text = ada.get(page(row)).text
    assert resubmitting not in text
    assert "You made a sign-in code for this person." in text
    assert reverse("console:request-cancel", args=[row.pk]) in text


def test_nor_enables_the_person(ada: Client, company: cast.Company) -> None:
    person = reverse("console:person", args=[company.uma.pk])
    enable = reverse("console:enable", args=[company.uma.pk])
    RoleAssignment.objects.create(person=company.ada, role=Role.REGISTRATION_OFFICER)
    assert enable in ada.get(person).text

    a_code_of(company.ada, company.uma)

    text = ada.get(person).text
    assert enable not in text
    assert "You made a sign-in code for this person." in text


@pytest.mark.parametrize(("name", "reads"), [("ada", 200), ("paul", 403)])
def test_a_mail_leads_to_its_page_for_who_reads_it(company: cast.Company, name: str, reads: int) -> None:
    row = company.request_in("requested")
    reader = signed_in(getattr(company, name))
    mails = [reverse("console:mail", args=[mail.pk]) for mail in row.mails.all()]

    text = reader.get(page(row)).text

    assert mails
    assert [mail in text for mail in mails] == [reads == 200] * len(mails)
    assert {reader.get(mail).status_code for mail in mails} == {reads}
