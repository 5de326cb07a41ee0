"""The mailbox of the embedded mode: mails by recipient, HTML in a sandbox, attachments; nowhere else."""

import re
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from identity_manager.mail.mailbox import stored_messages

LIST = reverse("mailbox:list")
LINKS_ONLY = {"allow-popups", "allow-popups-to-escape-sandbox"}
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def mailbox(settings: Settings, tmp_path: Path) -> None:
    settings.MAILBOX_DIR = tmp_path / "mailbox"


def send(to: str = "uma@example.com", subject: str = "Your file", attachment: str = "uma.p12") -> str:
    """Send one mail; returns its name in the mailbox."""
    backend = get_connection("identity_manager.mail.mailbox.MailboxBackend")
    mail = EmailMultiAlternatives(subject, "plain words", "im@example.com", [to], connection=backend)
    mail.attach_alternative(f"<p>rich words</p>{SCRIPT}", "text/html")
    mail.attach(attachment, b"\x30\x82", "application/x-pkcs12")
    mail.send()
    return max(stored.name for stored in stored_messages())


def test_an_empty_mailbox_says_so(client: Client) -> None:
    response = client.get(LIST)

    assert response.status_code == 200
    assert "No mail yet" in response.text


def test_mails_are_listed_by_recipient(client: Client) -> None:
    send(to="uma@example.com", subject="For Uma")
    send(to="sam@example.com", subject="For Sam")

    everything, umas = client.get(LIST), client.get(LIST, {"to": "uma@example.com"})

    assert "For Uma" in everything.text
    assert "For Sam" in everything.text
    assert [stored.message["Subject"] for stored in umas.context["page"]] == ["For Uma"]
    assert everything.context["recipients"] == [("sam@example.com", 1), ("uma@example.com", 1)]


def test_a_mail_shows_headers_text_and_attachments(client: Client) -> None:
    text = client.get(reverse("mailbox:message", args=[send()])).text

    for words in ("Your file", "uma@example.com", "im@example.com", "plain words", "uma.p12", "Message-ID"):
        assert words in text
    assert SCRIPT not in text


def test_html_comes_in_a_sandbox_of_its_own(client: Client) -> None:
    name = send()
    page = client.get(reverse("mailbox:message", args=[name])).text

    response = client.get(reverse("mailbox:html", args=[name]))

    (frame,) = re.findall(r"<iframe[^>]*>", page)
    assert f'src="{reverse("mailbox:html", args=[name])}"' in frame
    assert " sandbox" in " ".join(frame.split())
    assert set(re.findall(r"allow-[a-z-]+", frame)) <= LINKS_ONLY
    assert "rich words" in response.text
    policy = response["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in policy
    assert set(re.findall(r"allow-[a-z-]+", policy)) == LINKS_ONLY
    assert response["X-Frame-Options"] == "SAMEORIGIN"


def test_the_pages_themselves_keep_the_strict_policy(client: Client) -> None:
    assert "unsafe-inline" not in client.get(LIST)["Content-Security-Policy"]


def test_an_attachment_is_saved_not_opened(client: Client) -> None:
    response = client.get(reverse("mailbox:attachment", args=[send(), 0]))

    assert response.content == b"\x30\x82"
    assert response["Content-Disposition"] == 'attachment; filename="uma.p12"'
    assert response["Content-Type"] == "application/x-pkcs12"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_an_attachment_name_cannot_break_out_of_its_header(client: Client) -> None:
    response = client.get(reverse("mailbox:attachment", args=[send(attachment='a".html'), 0]))

    assert response["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    "name", ["nothing.eml", "..%2F..%2Fsecrets", "...eml", "%2Fetc%2Fpasswd", f"{'x' * 300}.eml", "%00.eml"]
)
def test_what_is_not_there_is_404(client: Client, name: str) -> None:
    send()

    assert client.get(f"{LIST}{name}/").status_code == 404
    assert client.get(f"{LIST}{name}/html/").status_code == 404


def test_an_attachment_that_is_not_there_is_404(client: Client) -> None:
    assert client.get(reverse("mailbox:attachment", args=[send(), 1])).status_code == 404


def test_from_another_machine_there_is_no_mailbox(client: Client) -> None:
    name = send()

    for address in (LIST, reverse("mailbox:message", args=[name]), reverse("mailbox:html", args=[name])):
        assert client.get(address, REMOTE_ADDR="192.0.2.7").status_code == 404


def test_in_production_there_is_no_mailbox(client: Client, settings: Settings) -> None:
    name = send()
    settings.EMBEDDED = False

    assert client.get(LIST).status_code == 404
    assert client.get(reverse("mailbox:attachment", args=[name, 0])).status_code == 404


def test_nothing_is_posted_to_the_mailbox(client: Client) -> None:
    assert client.post(LIST).status_code == 405
