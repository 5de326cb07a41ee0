"""ADMIN, Mail texts: the company's own text from its first word to the mail, and back to the product's."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from identity_manager.console.mail_texts import page
from identity_manager.mail import specimens
from identity_manager.mail.company_texts.source import IN_FORCE, _keep_failure
from identity_manager.mail.messages import account_messages
from identity_manager.models import AuditEvent, MailText, OutgoingMail, Person, VersionState
from tests.tools import cast

pytestmark = pytest.mark.long

NAME, LANGUAGE = "password_set", "en"
SUBJECT, BODY = "Your new password", "Dear {{ person.name }},\r\n\r\nyour password is new."


def address(what: str = "", *more: Any) -> str:
    return reverse(f"console:mail-text{what and '-'}{what}", args=[NAME, LANGUAGE, *more])


def seen(browser: Client, what: str = "") -> str:
    """What a page carries of the draft that it shows."""
    found = re.search(r'name="seen" value="([^"]*)"', browser.get(address(what)).text)
    return found[1] if found else ""


def save(browser: Client, body: str = BODY, subject: str = SUBJECT, **more: str) -> Any:
    values = {"subject": subject, "body": body, "seen": seen(browser, "write"), **more}
    return browser.post(address("write"), values)


def put_in_force(browser: Client) -> Any:
    return browser.post(address("activate"), {"seen": seen(browser)})


def mail_of_now(person: Person) -> OutgoingMail:
    IN_FORCE.forget()
    return account_messages.password_set(person)


@pytest.fixture(autouse=True)
def _two_officers(settings: Settings) -> None:
    settings.CATALOGUE_FOUR_EYES = True


def test_a_text_is_written_previewed_confirmed_and_sent(
    sven: Client, sara: Client, company: cast.Company
) -> None:
    page_of_writing = sven.get(address("write")).text
    assert "Dear" not in page_of_writing
    assert "Hello {{ person.name }}," in page_of_writing  # ours, to begin with
    assert "who gets the mail" in page_of_writing
    shown = save(sven, preview="1").text
    assert "Dear Zoë Brandstætter-Óskarsdóttir," in shown
    assert "tell your Registration Officer at once" in shown
    assert not MailText.objects.exists()

    assert save(sven).status_code == 302
    assert "Dear Zoë Brandstætter" in sven.get(address("draft-html")).text
    assert sven.post(address("ask"), {"seen": seen(sven)}).status_code == 302
    assert "waits for a second System Administrator" in sara.get(address()).text
    assert address() in sara.get(reverse("console:approvals")).text
    assert put_in_force(sara).status_code == 302

    mail = mail_of_now(company.uma)
    assert mail.subject == SUBJECT
    assert mail.body_text.startswith(
        f"Dear {company.uma.display_name},\n\nyour password is new.\n\nIf that was"
    )
    assert "your password is new." in sven.get(address("html")).text
    assert "your own: English" in " ".join(sven.get(reverse("console:mail-texts")).text.split())
    first = sven.get(reverse("console:mail-text-version", args=[NAME, LANGUAGE, 1])).text
    assert "Version 1, English, " in first
    what = [
        event.facts["what"]
        for event in AuditEvent.objects.filter(facts__code="password_set.en").order_by("pk")
    ]
    assert what == ["mail-draft-saved", "mail-asked", "mail-activated"]


def test_one_officer_alone_puts_nothing_in_force(sven: Client, company: cast.Company) -> None:
    save(sven)
    assert 'action="' + address("activate") not in sven.get(address()).text
    refused = sven.post(address("activate"), {"seen": page.mail_texts.seen_of(NAME, LANGUAGE)})
    assert refused.status_code == 403
    assert "Another System Administrator activates it." in refused.text
    assert mail_of_now(company.uma).subject == "Your password was set"


def test_who_changes_a_draft_of_another_cannot_confirm_it_either(sven: Client, sara: Client) -> None:
    save(sven)
    save(sara, "Another text.")
    for browser in (sven, sara):
        assert (
            browser.post(address("activate"), {"seen": page.mail_texts.seen_of(NAME, LANGUAGE)}).status_code
            == 403
        )


def test_without_four_eyes_its_writer_puts_it_in_force(
    sven: Client, company: cast.Company, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = False
    save(sven)
    assert put_in_force(sven).status_code == 302
    assert mail_of_now(company.uma).subject == SUBJECT


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("Dear\n\n  {{ person.nam }}", "Line 3, column 6: There is no placeholder person.nam in this mail."),
        ("{% if person.name %}\nx", "Line 1, column 1: {% if %} is never closed."),
        ("{% for a in b %}x{% endfor %}", "{% for %} is not known here."),
        ("See https://evil.example/", "Line 1, column 5: https://evil.example/ looks like a link"),
        ("https://{{ person.name }}", "It has faults"),
        ("", "The text is empty."),
    ],
)
def test_a_text_with_faults_is_kept_and_not_put_in_force(
    sven: Client, sara: Client, company: cast.Company, body: str, fault: str
) -> None:
    assert save(sven, body).status_code == 302
    assert MailText.objects.get().body == body
    text = sven.get(address()).text.replace("&#x27;", "'")
    assert fault in text
    assert "The draft is saved. It has faults" in text
    assert 'action="' + address("ask") not in text
    for what, browser in (("ask", sven), ("activate", sara), ("test", sven)):
        answer = browser.post(address(what), {"seen": page.mail_texts.seen_of(NAME, LANGUAGE)})
        assert answer.status_code == 422
        assert "The text has faults." in answer.text
    assert not OutgoingMail.objects.exists()
    assert fault in save(sven, body, preview="1").text or fault == "It has faults"


def test_a_stale_form_changes_nothing_and_loses_nothing(sven: Client, sara: Client) -> None:
    save(sven)
    old = {"subject": "Mine", "body": "My words.", "seen": seen(sven, "write")}
    save(sara, "Her words.")
    refused = sven.post(address("write"), old)
    assert refused.status_code == 409
    assert "My words." in refused.text
    assert "Somebody changed this draft while you had it open" in refused.text
    assert MailText.objects.get().body == "Her words."
    again = re.search(r'name="seen" value="([^"]*)"', refused.text)
    assert again
    assert sven.post(address("write"), {**old, "seen": again[1]}).status_code == 302
    assert MailText.objects.get().body == "My words."


def test_what_was_changed_since_it_was_read_is_not_put_in_force(sven: Client, sara: Client) -> None:
    save(sven)
    read = seen(sara)
    save(sven, "Something else.")
    for what in ("activate", "ask", "discard"):
        answer = sara.post(address(what), {"seen": read})
        assert answer.status_code == 409
    assert MailText.objects.get().state == VersionState.DRAFT
    put_in_force(sara)
    assert sara.post(address("activate"), {"seen": read}).status_code == 409


def test_the_second_officer_refuses_with_a_reason(sven: Client, sara: Client) -> None:
    save(sven)
    sven.post(address("ask"), {"seen": seen(sven)})
    assert sara.post(address("refuse"), {"seen": seen(sara, "refuse")}).status_code == 422
    sara.post(address("refuse"), {"seen": seen(sara, "refuse"), "reason": "Too short."})
    assert "Too short." in sven.get(address()).text


def test_back_to_ours_with_one_click(sven: Client, sara: Client, company: cast.Company) -> None:
    save(sven)
    put_in_force(sara)
    assert sven.post(address("ours")).status_code == 302
    assert mail_of_now(company.uma).subject == "Your password was set"
    assert sven.post(address("ours")).status_code == 409
    text = sven.get(address()).text
    assert "In force: the text of the product" in text
    assert "The text of the product is in use again" in text


def test_versions_stay_and_are_compared(sven: Client, sara: Client) -> None:
    save(sven)
    put_in_force(sara)
    save(sven, "Dear {{ person.name }},\n\nyour password is brand-new.")
    assert "<ins>" in sara.get(address()).text
    put_in_force(sara)
    second = sven.get(address("version", 2)).text
    assert "What differs from version 1" in second
    assert "brand-new" in second
    assert "your password is new." in sven.get(address("version", 1)).text
    assert "your password is new." in sven.get(f"{address('write')}?from=1").text
    assert sven.get(address("version", 3)).status_code == 404
    assert sven.get(f"{address('write')}?from=²").status_code == 200


def test_the_first_text_is_compared_with_ours_and_later_ones_may_be(sven: Client, sara: Client) -> None:
    save(sven)
    first = sven.get(address()).text
    assert "What differs from the text of the product" in first
    assert "Compare with" not in first
    ours = [specimens.beginning(NAME, language=LANGUAGE).subject, "Hello {{ person.name }},"]
    differences = unescape(first[first.index('id="differences"') :])
    for words in ours:
        assert set(words.split()) <= set(re.sub(r"<[^>]+>", " ", differences).split())
    assert "<del>" in differences

    put_in_force(sara)
    assert "What differs from the text of the product" in sven.get(address("version", 1)).text
    save(sven, "Dear {{ person.name }},\n\nyour password is brand-new.")
    assert "What differs from version 1" in sven.get(address()).text
    with_ours = sven.get(f"{address()}?compared=ours").text
    assert "What differs from the text of the product" in with_ours
    assert "Compare with version 1" in with_ours
    put_in_force(sara)
    assert "What differs from version 1" in sven.get(address("version", 2)).text
    assert "the text of the product" in sven.get(f"{address('version', 2)}?compared=ours").text


def test_what_a_draft_is_compared_with_keeps_the_page_of_its_history(sven: Client, sara: Client) -> None:
    save(sven)
    put_in_force(sara)
    save(sven, "Dear {{ person.name }},\n\nyour password is brand-new.")

    asked = sven.get(address(), {"history": "2"}).text
    with_ours = sven.get(address(), {"history": "2", "compared": "ours"}).text

    assert 'href="?history=2&amp;compared=ours#differences"' in asked
    assert 'href="?history=2#differences"' in with_ours


def test_a_test_goes_to_oneself_and_says_what_it_is(sven: Client, sven_person: Person) -> None:
    save(sven)
    assert sven.post(address("test")).status_code == 302
    mail = OutgoingMail.objects.get()
    assert (mail.to_address, mail.person) == (sven_person.email, sven_person)
    assert mail.subject == f"[TEST] {SUBJECT}"
    assert "Dear Zoë Brandstætter" in mail.body_text
    assert not mail.is_notice
    assert "Test of a mail text" in sven.get(reverse("console:mail", args=[mail.pk])).text
    Person.objects.filter(pk=sven_person.pk).update(email="")
    assert sven.post(address("test")).status_code == 422


def test_a_text_that_failed_is_told_to_system_administrators(sven: Client, sara: Client) -> None:
    save(sven)
    put_in_force(sara)
    row = MailText.objects.get()
    _keep_failure(row.pk, "It had a link that leads elsewhere.")
    assert "It had a link that leads elsewhere." in sven.get(address()).text
    tasks = sven.get(reverse("console:approvals")).text
    assert "Mail texts that fail" in tasks
    assert "It had a link that leads elsewhere." in tasks
    save(sven, "Mended.")
    put_in_force(sara)
    assert "Mail texts that fail" not in sven.get(reverse("console:approvals")).text


def test_an_auditor_reads_and_writes_nothing(otto: Client, sven: Client, sara: Client) -> None:
    save(sven)
    put_in_force(sara)
    save(sven, "Next.")
    assert address("write") not in otto.get(address()).text
    assert address("write") not in otto.get(address("version", 1)).text
    assert otto.get(address("draft-html")).status_code == 200
    for what in ("write", "ask", "activate", "refuse", "discard", "ours", "test"):
        assert otto.post(address(what), {"seen": "x"}).status_code == 403


def test_what_is_too_long_is_told(sven: Client) -> None:
    assert save(sven, "x" * 10_001).status_code == 422
    assert save(sven, "x", "y" * 201).status_code == 422
    assert not MailText.objects.exists()
