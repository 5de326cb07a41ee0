"""Every mail of the product, sent by SMTP and read by a mail program that shares no code with it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as product
from pytest_django import Settings

from identity_manager.mail import sending, specimens
from identity_manager.mail.registry import MAILS
from identity_manager.models import Container, OutgoingMail, Person
from identity_manager.people.identity import email_addresses
from tests.interop.mail_reader import Read, Reader
from tests.interop.smtp_sink import on_the_wire
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.needs_program("notmuch", "smtp-sink"), pytest.mark.long]
LANGUAGES = [code for code, _name in product.LANGUAGES]
OWN_HEADERS = {
    "content-language",
    "content-type",
    "mime-version",
    "subject",
    "from",
    "to",
    "date",
    "message-id",
    "auto-submitted",
}
LONGEST_LINE = 998  # octets, RFC 5322 2.1.1


def mail_to(name: str, *, address: str = "uma@example.com", subject: str = "Your request") -> OutgoingMail:
    return OutgoingMail(
        message="information",
        person=Person(display_name=name),
        to_address=address,
        subject=subject,
        body_text=f"Hello {name},\n",
        body_html=f"<p>{subject}</p>",
    )


def letters(language: str) -> list[OutgoingMail]:
    """One of each mail, without files: there is none of a token that is made up."""
    mails = [specimens.specimen(name, language=language) for name in MAILS]
    for mail in mails:
        mail.token = None
    return mails


def header_names(message: bytes) -> list[str]:
    """The names above the empty line, in lower case, as they stand there."""
    head = message.partition(b"\n\n")[0].decode("ascii")
    return [line.partition(":")[0].lower() for line in head.split("\n") if line[:1] not in (" ", "\t")]


def read_one(settings: Settings, directory: Path, mail: OutgoingMail) -> tuple[bytes, Read]:
    (message,) = on_the_wire(settings, directory, [mail])
    return message, Reader(directory).read([message])[sending.message_id(mail)[1:-1]]


def same(read: str, written: str) -> bool:
    return read.replace("\r\n", "\n").rstrip("\n") == written.replace("\r\n", "\n").rstrip("\n")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_arrives_as_it_was_written(settings: Settings, tmp_path: Path, language: str) -> None:
    mails = letters(language)
    messages = on_the_wire(settings, tmp_path, mails)
    read = Reader(tmp_path).read(messages)

    for mail in mails:
        seen = read[sending.message_id(mail)[1:-1]]
        assert seen.headers["Subject"] == mail.subject
        assert seen.headers["To"] == f"{mail.person.display_name} <{mail.to_address}>"
        assert seen.headers["From"] == product.DEFAULT_FROM_EMAIL
        assert same(seen.text, mail.body_text)
        assert same(seen.html, mail.body_html)
        assert seen.kinds == ["text/plain", "text/html"]
    assert len(read) == len(mails)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_headers_of_every_mail(settings: Settings, tmp_path: Path, language: str) -> None:
    """RFC 3834 (no machine answers), RFC 5322 3.6 (each header once, a date in UTC)."""
    mails = letters(language)
    for mail, message in zip(mails, on_the_wire(settings, tmp_path, mails), strict=True):
        names = header_names(message)
        assert sorted(names) == sorted(OWN_HEADERS), mail.message
        head = message.partition(b"\n\n")[0].decode("ascii") + "\n"
        assert "\nAuto-Submitted: auto-generated\n" in head
        assert f"\nContent-Language: {language}\n" in head
        assert f"\nMessage-ID: {sending.message_id(mail)}\n" in head
        date = re.search(r"^Date: (.+) -0000$", head, re.MULTILINE)  # UTC, RFC 5322 3.3
        assert date is not None
        sent_at = datetime.strptime(date[1], "%a, %d %b %Y %H:%M:%S").replace(tzinfo=UTC)
        assert abs(sent_at - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_is_seven_bits_wide_and_has_short_lines(
    settings: Settings, tmp_path: Path, language: str
) -> None:
    """A server without 8BITMIME must get no other (RFC 6152 3); what is signed on the way stays the same."""
    mails = letters(language)
    for mail, message in zip(mails, on_the_wire(settings, tmp_path, mails), strict=True):
        assert message.isascii(), mail.message
        assert max(map(len, message.split(b"\n"))) <= LONGEST_LINE
        whole = sending.build(mail).message().as_bytes(linesep="\r\n")
        assert b"\r" not in whole.replace(b"\r\n", b"")
        assert b"\n" not in whole.replace(b"\r\n", b"")


NAMES = [
    "Łukasz Żółć-Grzegżółka",
    "ليلى حداد",
    "山田 太郎",
    "Ζωή Παπαδοπούλου",
    "Анна Каренина",
    "זיוה כהן",
    'Uma "Mail" Lindqvist, Dr. (VPN)',
    "O'Neill <uma@elsewhere.example>",
    "Umaß; to: sam@example.com",
    "Å" * 64 + " " + "ö" * 64,
    "L" * 128,
    "𝒰𝓂𝒶 👩🏽‍💻 Lindqvist",
    "Brandstætter-Óskarsdóttir " * 7 + "von und zu",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_every_kind(settings: Settings, tmp_path: Path, name: str) -> None:
    """In the subject, the recipient and the text; RFC 2047 where they are not ASCII."""
    mail = mail_to(name, subject=f"A request for {name} waits")
    message, read = read_one(settings, tmp_path, mail)

    assert message.isascii()
    assert sorted(header_names(message)) == sorted(OWN_HEADERS)
    assert max(map(len, message.split(b"\n"))) <= LONGEST_LINE
    assert read.headers["Subject"] == mail.subject
    shown, _space, address = read.headers["To"].rpartition(" ")
    assert address == "<uma@example.com>"
    assert shown in (name, '"' + name.replace('"', '\\"') + '"')
    assert same(read.text, mail.body_text)


def test_a_name_is_not_decoded_into_another(settings: Settings, tmp_path: Path) -> None:
    """What looks like an encoded word (RFC 2047) would be read as what it encodes."""
    name = "=?utf-8?q?Your=20Registration=20Officer?="
    _message, read = read_one(settings, tmp_path, mail_to(name, subject=f"A request for {name}"))
    for header in ("To", "Subject"):
        assert "Registration Officer" not in read.headers[header]
        assert "= ?utf-8?q?Your=20Registration=20Officer?=" in read.headers[header]


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029", "\0"])
@pytest.mark.parametrize("place", ["name", "subject", "address"])
def test_no_name_and_no_subject_begins_a_header(
    settings: Settings, tmp_path: Path, place: str, line_break: str
) -> None:
    """Refused, or within the one header; no row may hold such a thing, and this is the second guard."""
    evil = f"Uma{line_break}Bcc: sam@example.com{line_break}{line_break}Hello"
    values = {"name": "Uma", "subject": "Your request", "address": "uma@example.com"} | {place: evil}
    if place == "address":
        values["address"] = f"uma{line_break}bcc@example.com"
    mail = mail_to(values.pop("name"), **values)
    try:
        message, read = read_one(settings, tmp_path, mail)
    except sending.SendingError as error:
        assert error.fault.kind == "refused"  # noqa: PT017 both outcomes are right
        return
    assert sorted(header_names(message)) == sorted(OWN_HEADERS)
    assert "Bcc" not in read.headers


def test_files_arrive_byte_by_byte(settings: Settings, tmp_path: Path, db: None) -> None:
    """A token of three certificates, in both formats; one file name in many scripts (RFC 2231)."""
    company = cast.Company()
    types = cast.token_type("mail", profiles=("client", "second", "third"))
    token = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, types))).tokens.get()
    odd = token.containers.filter(format="standard").first()
    assert odd is not None
    Container.objects.filter(pk=odd.pk).update(file_name="Schlüssel für 山田 太郎 – “ليلى”; a=b.p12")
    (mail,) = OutgoingMail.objects.filter(message="delivery")
    _message, read = read_one(settings, tmp_path, mail)

    sealed = token.containers.filter(format="standard")
    assert {(file.name, file.content) for file in read.attachments} == {
        (container.file_name, bytes(container.content)) for container in sealed
    }
    assert {file.media_type for file in read.attachments} == {"application/x-pkcs12"}
    assert len(read.attachments) == 3
    assert same(read.text, mail.body_text)


@pytest.mark.parametrize(
    ("typed", "on_the_wire_as"),
    [
        ("uma@MÜNCHEN.example", "uma@xn--mnchen-3ya.example"),
        ("uma@例え.テスト", "uma@xn--r8jz45g.xn--zckzah"),
        ("uma@straße.example", "uma@xn--strae-oqa.example"),
    ],
)
def test_internationalised_domains(
    settings: Settings, tmp_path: Path, typed: str, on_the_wire_as: str
) -> None:
    """The A-label in the header (RFC 5891), whatever was typed; no server needs SMTPUTF8 for it."""
    mail = mail_to("Zoë", address=email_addresses.canonical(typed))
    message, read = read_one(settings, tmp_path, mail)
    assert read.headers["To"] == f"Zoë <{on_the_wire_as}>"
    assert message.isascii()
