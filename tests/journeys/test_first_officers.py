"""From nobody to the first token, in production, as docs/how-to/first-officers.md says."""

import io
import json
import re
from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from identity_manager.demo.pages import HtmlPage
from identity_manager.demo.visitor import Visitor
from identity_manager.models import CertificateProfile, Person, RequestState, TermsDocument, TokenRequest
from tests.architecture.source import ROOT
from tests.deploy import commands
from tests.identity_manager.account.sign_in.factors import secret_on
from tests.journeys.office import BASE_URL, PASSWORD, delivered_files, over_wsgi, worker
from tests.tools import totp

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]
PAGE = ROOT / "docs" / "how-to" / "first-officers.md"
NUMBER = "E-1"
MENU = {"ADMIN", "Terms", "Certificate profiles", "Token types", "SEARCH"}  # tabs, and what they list
EACH_STEP = re.compile(r"^\d\. ", re.MULTILINE)


class Reader(Visitor):
    """Somebody who does what a page of the documents says: notes each word that they click."""

    def __init__(self, clicked: set[str]) -> None:
        super().__init__(BASE_URL, over_wsgi(Client(enforce_csrf_checks=True)))
        self._clicked = clicked

    def press(self, button: str, *checks: str, **fields: str) -> HtmlPage:
        self._clicked.update((button, *checks))
        page = super().press(button, *checks, **fields)
        assert page.status == 200, page.text
        return page

    def follow(self, text: str, *, within: str = "") -> HtmlPage:
        self._clicked.add(text)
        return super().follow(text, within=within)

    def open_tasks(self, name: str) -> None:
        self._clicked.add("OPEN TASKS")
        self.open("/open-tasks/")
        super().follow(name)

    def sign_in_first(self, number: str, code: str) -> None:
        self.open("/account/first-sign-in/")
        super().press(
            "Set password and sign in", name=number, code=code, password=PASSWORD, password_again=PASSWORD
        )

    def set_up_second_factor(self) -> None:
        assert "second" in self.open("/search/").text, "without it officers see nothing else"
        self.open("/account/second-factors/app/")
        super().press("Set up", code=totp.code(secret_on(self.page.html)))
        cache.clear()


class Staff:
    """The officers of the page's own file, signed in by their codes."""

    def __init__(self, folder: Path) -> None:
        (content,) = (text for kind, text in commands.blocks(PAGE) if kind == "json")
        (folder / "officers.json").write_text(content, encoding="utf-8")
        (block,) = (text for kind, text in commands.blocks(PAGE) if "--codes-file" in text)
        for line in block.splitlines():
            name, *options = line.removeprefix("manage.py ").split()
            here = [str(folder / word) if word.endswith(".json") else word for word in options]
            call_command(name, *here, stdout=io.StringIO())
        codes = json.loads((folder / "codes.json").read_text(encoding="utf-8"))
        self.clicked: set[str] = set()
        self.sven, self.sofia, self.ada, self.paul, _petra = (
            self._officer(number, code) for number, code in codes.items()
        )

    def _officer(self, number: str, code: str) -> Reader:
        cache.clear()  # the rate limit of first sign-ins from one address
        reader = Reader(self.clicked)
        reader.sign_in_first(number, code)
        reader.set_up_second_factor()
        return reader

    def in_force(self, name: str, button: str) -> None:
        """The second System Administrator puts it in force."""
        self.sofia.open_tasks(name)
        self.sofia.follow(button)
        self.sofia.press(button)


def test_from_nobody_to_the_first_token(settings: Settings, tmp_path: Path) -> None:
    settings.CATALOGUE_FOUR_EYES = settings.OFFICERS_NEED_SECOND_FACTOR = True
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path / "mailbox"
    with worker(at_once=True):
        staff = Staff(tmp_path)
        catalogue(staff)
        person = entered(staff)
        request = enabled(staff, person)
        secret, beneficiary = signed_in(staff, person)
        accept(staff, request, beneficiary)
        assert secret not in PAGE.read_text(encoding="utf-8")
    request.refresh_from_db()
    assert request.state == RequestState.COMPLETED
    assert len(delivered_files("uma@example.com")) == 1
    assert told() - staff.clicked - MENU == set(), "what the page names is there to be clicked"


def told() -> set[str]:
    """What the page has in bold in the steps to the first token, but for their titles."""
    section = PAGE.read_text(encoding="utf-8").partition("## The first token")[2].partition("\n## ")[0]
    steps = EACH_STEP.split(section)[1:]
    found = (re.findall(r"\*\*(.+?)\*\*", step, re.DOTALL)[1:] for step in steps)
    return {" ".join(name.split()) for names in found for name in names}


def catalogue(staff: Staff) -> None:
    sven = staff.sven
    sven.open("/admin/terms/")
    sven.follow("New document")
    sven.press("Save", code="house", name="House rules")
    texts = {
        "names_archiving": "none",
        "title_en": "House rules",
        "body_en": "Keep it.",
        "title_de": "Hausregeln",
        "body_de": "Behüte es.",
    }
    sven.press("Save the draft", **texts)
    sven.press("Ask for publication")
    staff.in_force("House rules", "Publish")

    sven.open("/admin/profiles/")
    sven.follow("New certificate profile")
    sven.press("Save the draft", code="wlan", name="Wireless", ca_profile="wlan")
    sven.press("Ask for activation")
    staff.in_force("Wireless", "Activate")

    sven.open("/admin/token-types/")
    sven.follow("New token type")
    fields = {
        "code": "wlan",
        "name": "Wireless network",
        "description": "Opens the wireless network.",
        "terms": str(TermsDocument.objects.get().pk),
        "profiles": str(CertificateProfile.objects.get(state="active").pk),
        "validity_days": "180",
        "approval": "always",
    }
    sven.press("Save the draft", "Employee", **fields)
    sven.press("Ask for activation")
    staff.in_force("Wireless network", "Activate")


def entered(staff: Staff) -> Person:
    """By one Registration Officer, and confirmed by the other."""
    staff.sven.open("/search/")
    staff.sven.follow("Enter a person")
    fields = {
        "personnel_number": NUMBER,
        "given_name": "Uma",
        "surname": "Schäfer",
        "email": "uma@example.com",
    }
    staff.sven.press("Enter", **fields)
    staff.sofia.open_tasks("Uma Schäfer")
    staff.sofia.press("Confirm")
    return Person.objects.get(personnel_number=NUMBER)


def enabled(staff: Staff, person: Person) -> TokenRequest:
    staff.ada.open("/search/")
    staff.ada.press("Search", q="Schäfer")
    staff.ada.follow("Enable", within=str(person.pk))
    staff.ada.press("Next", "Wireless network")
    request = TokenRequest.objects.get()
    staff.paul.open_tasks("Uma Schäfer")
    staff.paul.open(f"/requests/{request.pk}/")
    staff.paul.press("Approve")
    return request


def signed_in(staff: Staff, person: Person) -> tuple[str, Reader]:
    staff.sven.open(f"/persons/{person.pk}/")
    staff.sven.follow("Make sign-in code")
    staff.sven.press("Next")
    staff.sven.press("Make and show the code")
    code = "".join(staff.sven.page.outputs[:1])
    cache.clear()
    reader = Reader(staff.clicked)
    reader.sign_in_first(NUMBER, code)
    return code, reader


def accept(staff: Staff, request: TokenRequest, beneficiary: Reader) -> None:
    assert "Wireless network" in beneficiary.open("/my/open-tasks/").text
    staff.clicked.add("Open Tasks")
    beneficiary.open(f"/my/requests/{request.pk}/terms/")
    beneficiary.press("Accept", "I accept")
    beneficiary.open(f"/my/tokens/{request.tokens.get().pk}/passphrase/")
    beneficiary.press("Show passphrase")
    beneficiary.press("Confirm", "I have noted the passphrase")
