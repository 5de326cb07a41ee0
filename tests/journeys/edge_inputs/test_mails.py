"""What names and addresses do to mails and pages: they stand there."""

from pathlib import Path

import pytest
from django.urls import reverse
from pytest_django import Settings

from identity_manager.mail import mailbox
from identity_manager.models import OutgoingMail, Person
from identity_manager.people import persons
from identity_manager.workflow import step7_deliver
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]
MARKUP = "{{ person.password }}<script>alert(1)</script>{% now 'Y' %}"


@pytest.fixture(autouse=True)
def _mailbox(settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path


def named(display_name: str) -> Person:
    """A person whose name only the display name tells."""
    return persons.create_active(
        actor=None,
        values={
            "personnel_number": "14",
            "given_name": "Jane",
            "surname": "Doe",
            "display_name": display_name,
            "email": "jane@example.com",
        },
    )


def delivery_to(person: Person) -> OutgoingMail:
    request = cast.issued(cast.accepted(cast.enabled(cast.person("ada"), person)))
    return request.mails.get(message="delivery")


@pytest.mark.parametrize(
    "name",
    [
        'O\'Neill, "x" <evil@example.org>;',
        "../../etc/passwd",
        "Jane; filename=evil.exe",
        "山田 太郎 " * 20,
        "x" * 400,
    ],
)
def test_no_name_breaks_a_header_or_a_file_name(name: str) -> None:
    mail = delivery_to(named(name.strip()))
    step7_deliver.send(mail_id=mail.pk)

    (stored,) = mailbox.stored_messages()
    ((file_name, _media_type, _content),) = stored.attachments()
    assert stored.recipients == ["jane@example.com"]
    assert stored.message["Bcc"] is None
    assert file_name.isascii()
    assert not set(file_name) & set('/\\\r\n "')
    assert "\n" not in str(stored.message["Subject"])


def test_a_line_break_in_a_subject_is_a_space() -> None:
    mail = delivery_to(named("Jane Doe"))
    OutgoingMail.objects.filter(pk=mail.pk).update(subject="Your file\r\nBcc: evil@example.org")
    step7_deliver.send(mail_id=mail.pk)

    (stored,) = mailbox.stored_messages()
    assert stored.message["Subject"] == "Your file Bcc: evil@example.org"
    assert stored.message["Bcc"] is None


@pytest.mark.parametrize(
    "address", ["jane@example.com\r\nBcc: evil@example.org", "jane@", "jane\x00@example.com"]
)
def test_an_address_that_came_in_some_other_way_is_refused_for_good(address: str) -> None:
    """A worker that tried it for ever would hold up the others."""
    mail = delivery_to(named("Jane Doe"))
    OutgoingMail.objects.filter(pk=mail.pk).update(to_address=address)
    step7_deliver.send(mail_id=mail.pk)

    mail = OutgoingMail.objects.get(pk=mail.pk)
    assert list(mailbox.stored_messages()) == []
    assert mail.state == "failed"


def test_markup_and_template_code_in_a_name_are_text() -> None:
    person = named(MARKUP)
    mail = delivery_to(person)
    step7_deliver.send(mail_id=mail.pk)
    (stored,) = mailbox.stored_messages()
    admin = signed_in(Person.objects.get(personnel_number="P-ada"))
    pages = [
        admin.get(reverse("console:person", args=[person.pk])).text,
        admin.get(reverse("console:request", args=[mail.request_id])).text,
        admin.get(reverse("console:search"), {"kind": "employee", "q": "doe"}).text,
        signed_in(person).get(reverse("selfservice:dashboard")).text,
        stored.body("html"),
    ]

    for page in pages:
        assert "<script>alert(1)" not in page

    assert MARKUP in pages[0].replace("&lt;", "<").replace("&gt;", ">").replace("&#x27;", "'")
