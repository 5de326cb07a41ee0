"""OUTBOX: what each officer sees of the mails, and what they do with those that do not go through."""

import html
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.outbox import bulk_actions
from identity_manager.console.outbox import page as outbox_page
from identity_manager.console.outbox.mail_columns import ADDRESS
from identity_manager.mail import outbox, sending
from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import AuditEvent, MailFault, OutgoingMail, Person, Role, SoftwareToken
from identity_manager.models.identifiers import new_id
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

OUTBOX = reverse("console:outbox")
RETRY, DISCARD = reverse("console:mails-retry"), reverse("console:mails-discard")
UNKNOWN_USER = DeliveryFault(MailFault.REFUSED, "SMTP 550 5.1.1", "550 5.1.1 <uma@example.com>: unknown user")
DOWN = DeliveryFault(MailFault.PASSING, "ConnectionRefusedError", "ConnectionRefusedError: down")
WRONG_PASSWORD = DeliveryFault(MailFault.CONFIGURATION, "SMTP 535", "535 bad credentials")


def page(name: str, mail: OutgoingMail) -> str:
    return reverse(f"console:{name}", args=[mail.pk])


def troubled(request: Any, fault: DeliveryFault = UNKNOWN_USER, message: str = "delivery") -> OutgoingMail:
    """The mail of the request that did not go through."""
    mail = OutgoingMail.objects.get(request=request, message=message)
    mail.attempts = 1
    outbox.settle_fault(mail, fault)
    return mail


def listed(response: Any) -> list[OutgoingMail]:
    return [line.mail for line in response.context["lines"]]


def state_of(mail: OutgoingMail) -> str:
    return OutgoingMail.objects.get(pk=mail.pk).state


@pytest.fixture
def refused(company: cast.Company) -> OutgoingMail:
    """A delivery that the mail server refused for good."""
    mail = troubled(company.request_in("issued"))
    SoftwareToken.objects.update(delivery="bounced")
    return mail


@pytest.fixture
def operator(company: cast.Company) -> Client:
    """A System Administrator, who has no persons' business."""
    return signed_in(officer("olga", Role.SYSTEM_ADMINISTRATOR))


# --- The list -------------------------------------------------------------------------------------
def test_it_tells_state_recipient_error_attempts(ada: Client, refused: OutgoingMail) -> None:
    text = ada.get(OUTBOX).content.decode()
    for words in ("uma@example.com", "SMTP 550 5.1.1", "unknown user", "Refused", "Delivery of a software"):
        assert words in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "trouble"}, {"delivery"}),
        ({"state": "failed", "error": "SMTP 550 5.1.1"}, {"delivery"}),
        ({"error": "SMTP 999"}, set()),
        ({"state": "stuck"}, {"information"}),
        ({"message": "information"}, {"information"}),
        ({"q": "Lindqvist"}, {"delivery", "information"}),
        ({"q": "Stone"}, set()),
        ({"since": "2020-01-01T10:00"}, {"delivery", "information"}),
        ({"until": "2020-01-01T10:00"}, set()),
    ],
)
def test_filters(ada: Client, refused: OutgoingMail, query: dict[str, str], expected: set[str]) -> None:
    troubled(refused.request, DOWN, "information")
    assert {mail.message for mail in listed(ada.get(OUTBOX, query))} == expected


def test_since_looks_at_what_happened_last(ada: Client, refused: OutgoingMail) -> None:
    OutgoingMail.objects.update(created_at=timezone.now() - timedelta(days=9))
    since = (timezone.localtime() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    assert listed(ada.get(OUTBOX, {"since": since})) == [refused]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"since": "yesterday"}, "Write a day and a time"),
        ({"since": "2026-02-02T10:00", "until": "2026-02-01T10:00"}, "This is before"),
        ({"state": "lost"}, "lost"),
    ],
)
def test_a_filter_that_is_not_understood(ada: Client, query: dict[str, str], words: str) -> None:
    response = ada.get(OUTBOX, query)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert words in response.content.decode()


def test_the_errors_are_counted_and_lead_to_their_mails(ada: Client, refused: OutgoingMail) -> None:
    (group,) = ada.get(OUTBOX).context["groups"]
    assert (group.code, group.number, group.fault) == ("SMTP 550 5.1.1", 1, "refused")
    assert listed(ada.get(group.url)) == [refused]


def test_errors_that_are_not_shown_are_told_of(
    ada: Client, refused: OutgoingMail, company: cast.Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_page, "GROUPS_SHOWN", 1)
    assert "the filter has every error" not in ada.get(OUTBOX).text
    OutgoingMail.objects.create(
        person=company.uma,
        message="approved",
        state="failed",
        last_error="Gone",
        error_code="SMTP 554",
        fault="refused",
    )

    response = ada.get(OUTBOX)

    assert len(response.context["groups"]) == 1
    assert "the filter has every error" in response.text


def test_a_fault_of_the_configuration_is_told_above_all(ada: Client, company: cast.Company) -> None:
    troubled(company.request_in("awaiting_acceptance"), WRONG_PASSWORD, "information")
    text = ada.get(OUTBOX).content.decode()
    assert "Mail does not go out" in text
    assert "1 mail waits" in text


@pytest.mark.parametrize("name", ["paul", "rita", "uma"])
def test_others_do_not_see_it(company: cast.Company, name: str) -> None:
    assert signed_in(getattr(company, name)).get(OUTBOX).status_code == HTTPStatus.FORBIDDEN


def test_a_role_of_another_unit_sees_none(refused: OutgoingMail) -> None:
    elsewhere = signed_in(officer("eve", Role.TOKEN_ADMINISTRATOR, unit="Sued"))
    assert listed(elsewhere.get(OUTBOX)) == []
    assert elsewhere.get(page("mail", refused)).status_code == HTTPStatus.NOT_FOUND


# --- One mail -------------------------------------------------------------------------------------
def test_the_page_previews_text_and_names_the_files(ada: Client, refused: OutgoingMail) -> None:
    text = ada.get(page("mail", refused)).content.decode()
    assert refused.token is not None
    container = refused.token.containers.get(format="standard")
    assert container.file_name in text
    assert page("mail-html", refused) in text
    assert f"&lt;{refused.pk.hex}.…@example.com&gt;" in text
    assert sending.message_id(refused) not in html.unescape(text), (
        "who knows it whole can say that it bounced"
    )


def test_the_preview_can_run_nothing(ada: Client, refused: OutgoingMail) -> None:
    response = ada.get(page("mail-html", refused))
    assert response["Content-Security-Policy"].startswith("sandbox ")
    assert "script" not in response["Content-Security-Policy"].replace("script-src 'none'", "")
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "Hello Uma Lindqvist" in response.content.decode()


def test_an_auditor_reads_and_does_nothing(refused: OutgoingMail) -> None:
    otto = signed_in(officer("otto", Role.AUDITOR))
    text = otto.get(page("mail", refused)).content.decode()
    assert "uma@example.com" in text
    assert page("mail-retry", refused) not in text
    for name in ("mail-retry", "mail-discard"):
        assert otto.post(page(name, refused), {"reason": "x"}).status_code == HTTPStatus.FORBIDDEN
    assert state_of(refused) == "failed"


def test_a_system_administrator_has_no_persons_business(operator: Client, refused: OutgoingMail) -> None:
    for response in (operator.get(OUTBOX), operator.get(page("mail", refused))):
        text = response.content.decode()
        assert "SMTP 550 5.1.1" in text or "550 5.1.1" in text
        for business in ("uma", "Lindqvist", refused.subject, str(refused.request)):
            assert business not in text
    assert operator.get(page("mail-html", refused)).status_code == HTTPStatus.FORBIDDEN
    assert listed(operator.get(OUTBOX, {"q": "Lindqvist"})) == []


def test_but_keeps_mail_flowing(operator: Client, refused: OutgoingMail) -> None:
    assert operator.post(page("mail-discard", refused), {"reason": "x"}).status_code == HTTPStatus.FORBIDDEN
    response = operator.post(page("mail-retry", refused), {"origin": "outbox"})
    assert response["Location"] == page("mail", refused)
    assert state_of(refused) == "queued"


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("550 <uma@example.com>: unknown", "550 <…@example.com>: unknown"),
        ("{'a.b+c@x.org': (450, b'no')}", "{'…@x.org': (450, b'no')}"),
        ("no address", "no address"),
    ],
)
def test_addresses_are_left_out_of_errors(error: str, shown: str) -> None:
    assert ADDRESS.sub("…@", error) == shown


# --- Retry and discard ----------------------------------------------------------------------------
def test_a_retried_delivery_is_on_its_way_again(ada: Client, refused: OutgoingMail) -> None:
    ada.post(page("mail-retry", refused), {"origin": "outbox"})
    assert state_of(refused) == "queued"
    assert SoftwareToken.objects.get().delivery == "queued"
    assert AuditEvent.objects.filter(name="mail.retried", actor__display_name="Ada Berg").count() == 1


def test_one_that_was_sent_is_not_retried(ada: Client, company: cast.Company) -> None:
    cast.delivered(company.request_in("issued"))
    mail = OutgoingMail.objects.get(message="delivery")
    response = ada.post(page("mail-retry", mail), {"origin": "outbox"})
    assert response.status_code == HTTPStatus.CONFLICT
    assert "This mail was sent or discarded" in response.content.decode()


def test_discarding_wants_a_reason_and_leaves_the_file_in_self_service(
    ada: Client, refused: OutgoingMail
) -> None:
    SoftwareToken.objects.update(delivery="queued")
    assert "Discard this mail to uma@example.com?" in ada.get(page("mail-discard", refused)).content.decode()
    empty = ada.post(page("mail-discard", refused), {"reason": " "})
    assert empty.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert state_of(refused) == "failed"

    too_long = ada.post(page("mail-discard", refused), {"reason": "x" * 301})
    assert too_long.context["form"].errors == {"reason": ["At most 300 characters; these are 301."]}
    ada.post(page("mail-discard", refused), {"reason": "left the company's mail"})

    row = OutgoingMail.objects.get(pk=refused.pk)
    assert (row.state, row.discard_reason) == ("discarded", "left the company's mail")
    assert SoftwareToken.objects.get().delivery == "bounced"
    assert AuditEvent.objects.get(name="mail.discarded").facts["reason"] == "left the company's mail"


def test_a_sent_mail_that_came_back_to_the_sender(ada: Client, company: cast.Company) -> None:
    cast.delivered(company.request_in("issued"))
    mail = OutgoingMail.objects.get(message="delivery")
    assert page("mail-came-back", mail) in ada.get(page("mail", mail)).content.decode()
    assert "come back?" in ada.get(page("mail-came-back", mail)).content.decode()
    assert ada.post(page("mail-came-back", mail)).status_code == HTTPStatus.UNPROCESSABLE_ENTITY

    ada.post(page("mail-came-back", mail), {"reason": "550 mailbox unavailable"})

    row = OutgoingMail.objects.get(pk=mail.pk)
    assert (row.state, row.last_error) == ("bounced", "550 mailbox unavailable")
    assert SoftwareToken.objects.get().delivery == "bounced"
    assert AuditEvent.objects.filter(name="mail.bounced", actor=company.ada).count() == 1
    again = ada.post(page("mail-came-back", mail), {"reason": "again"})
    assert again.status_code == HTTPStatus.CONFLICT


# --- After an outage ------------------------------------------------------------------------------
@pytest.fixture
def outage(company: cast.Company) -> list[OutgoingMail]:
    """Five invitations that the mail server refused with one error, and one with another."""
    persons = [cast.person(f"p{number}", roles=(), sid="") for number in range(6)]
    requests = [cast.enabled(company.ada, person, company.vpn) for person in persons]
    blocked = DeliveryFault(MailFault.REFUSED, "SMTP 554 5.7.1", "554 5.7.1 blocked")
    faults = [*[blocked] * 5, UNKNOWN_USER]
    return [troubled(row, fault, "information") for row, fault in zip(requests, faults, strict=True)]


QUERY = {"state": "failed", "error": "SMTP 554 5.7.1"}


def asked(client: Client, address: str, query: dict[str, str]) -> dict[str, str]:
    """What the question carries to the click."""
    return {"as_of": client.get(address, query).context["form"]["as_of"].value().isoformat()}


def click(client: Client, address: str, query: dict[str, str], **data: str) -> Any:
    question = asked(client, address, query)
    words = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in query.items())
    return client.post(f"{address}?{words}", question | data)


def test_all_with_one_error_are_retried(ada: Client, outage: list[OutgoingMail]) -> None:
    assert "Retry 5 mails" in ada.get(OUTBOX, QUERY).content.decode()
    assert "Try 5 mails again?" in ada.get(RETRY, QUERY).content.decode()

    response = click(ada, RETRY, QUERY)

    assert response["Location"].startswith(OUTBOX)
    assert sorted(state_of(mail) for mail in outage) == ["failed", *["queued"] * 5]
    assert AuditEvent.objects.filter(name="mail.retried").count() == 5


def test_a_bounded_number_at_once(
    ada: Client, outage: list[OutgoingMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_actions, "AT_ONCE", 3)
    first = click(ada, RETRY, QUERY)
    assert first["Location"].startswith(RETRY)
    assert OutgoingMail.objects.filter(state="queued", message="information").count() == 3
    second = click(ada, RETRY, QUERY)
    assert second["Location"].startswith(OUTBOX)
    assert OutgoingMail.objects.filter(state="failed").count() == 1


def test_what_was_refused_after_the_question_is_not_touched(ada: Client, outage: list[OutgoingMail]) -> None:
    question = asked(ada, RETRY, QUERY)
    OutgoingMail.objects.filter(pk=outage[0].pk).update(created_at=timezone.now() + timedelta(minutes=1))
    ada.post(f"{RETRY}?state=failed&error=SMTP+554+5.7.1", question)
    assert state_of(outage[0]) == "failed"
    assert state_of(outage[1]) == "queued"


def test_discarding_many_wants_a_reason_before_anything_is_done(
    ada: Client, outage: list[OutgoingMail]
) -> None:
    assert click(ada, DISCARD, QUERY).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert {state_of(mail) for mail in outage} == {"failed"}
    click(ada, DISCARD, QUERY, reason="told by phone")
    assert sorted(state_of(mail) for mail in outage) == [*["discarded"] * 5, "failed"]


def test_a_forged_question(ada: Client, outage: list[OutgoingMail]) -> None:
    response = ada.post(f"{RETRY}?state=failed", {"as_of": "whenever"})
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert {state_of(mail) for mail in outage} == {"failed"}


def test_nothing_to_retry_leads_back(ada: Client, company: cast.Company) -> None:
    assert ada.get(RETRY, {"state": "failed"})["Location"] == OUTBOX


def test_only_mails_of_the_own_unit(outage: list[OutgoingMail]) -> None:
    Person.objects.filter(pk=outage[0].person_id).update(organisational_unit="Sued")
    eve = signed_in(officer("eve", Role.TOKEN_ADMINISTRATOR, unit="Sued"))
    click(eve, RETRY, QUERY)
    assert [state_of(mail) for mail in outage[:2]] == ["queued", "failed"]


def test_what_waits_for_its_next_try_is_hastened_once(ada: Client, company: cast.Company) -> None:
    mail = troubled(company.request_in("awaiting_acceptance"), DOWN, "information")
    assert mail.next_attempt_at is not None
    click(ada, RETRY, {"state": "stuck"})
    hastened = OutgoingMail.objects.get(pk=mail.pk).next_attempt_at
    assert hastened is not None
    assert hastened <= timezone.now()
    assert ada.get(RETRY, {"state": "stuck"})["Location"] == OUTBOX


# --- Open tasks -----------------------------------------------------------------------------------
def test_open_tasks_names_them(ada: Client, refused: OutgoingMail) -> None:
    response = ada.get(reverse("console:approvals"))
    assert page("mail", refused) in response.content.decode()
    assert response.context["task_counter"].number.number == 1


def test_the_operator_is_told_when_mail_is_held_up(operator: Client, company: cast.Company) -> None:
    troubled(company.request_in("awaiting_acceptance"), WRONG_PASSWORD, "information")
    text = operator.get(reverse("console:approvals")).content.decode()
    assert "Mail does not go out" in text
    assert "uma" not in text


def test_each_mail_that_is_held_up_is_listed(operator: Client, company: cast.Company) -> None:
    row = troubled(company.request_in("awaiting_acceptance"), WRONG_PASSWORD, "information")
    for number in range(6):
        row.pk, row.occasion = new_id(), f"again-{number}"
        row.save(force_insert=True)
    text = operator.get(reverse("console:approvals")).text
    assert text.count("/mails/") >= 7
