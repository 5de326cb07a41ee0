"""An office for the journeys: the company of tests/tools/cast.py with accounts, browsers and a mailbox.

The pages are the real ones, read as the demo program reads them. The worker is at once: what is published
after a commit runs right then; the sweep runs when the clock is moved.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property

import time_machine
from celery import current_app
from django.test import Client
from django.utils import timezone

from identity_manager.demo.pages import HtmlPage
from identity_manager.demo.visitor import Send, Visitor
from identity_manager.jobs import sweep
from identity_manager.mail import mailbox
from identity_manager.mail.mailbox import StoredMessage
from identity_manager.models import Account, Person, TokenRequest
from identity_manager.workflow.requests import lapse
from tests.tools.cast import Company

PASSWORD = "correct horse battery staple"
BASE_URL = "http://localhost"


def over_wsgi(client: Client | None = None) -> Send:
    """Sends through Django's test client, CSRF checks and middlewares included."""
    client = client or Client(enforce_csrf_checks=True)

    def send(method: str, url: str, data: list[tuple[str, str]]) -> HtmlPage:
        path = url.removeprefix(BASE_URL) or "/"
        if method == "POST":
            values: dict[str, list[str]] = {}
            for name, value in data:
                values.setdefault(name, []).append(value)
            response = client.post(path, values, follow=True, headers={"referer": url})
        else:
            response = client.get(path, data or None, follow=True)
        final = response.redirect_chain[-1][0] if response.redirect_chain else path
        content = b"".join(response.streaming_content) if response.streaming else response.content
        return HtmlPage(f"{BASE_URL}{final}", content.decode(errors="replace"), status=response.status_code)

    return send


def username_of(person: Person) -> str:
    return person.given_name.lower()


def account_of(person: Person) -> str:
    """An account with a password; returns the user name."""
    username = username_of(person)
    Account.objects.create_account(username=username, person=person, password=PASSWORD)
    return username


@contextmanager
def worker(*, at_once: bool) -> Iterator[None]:
    """What is published after a commit runs right then; or is lost, because the broker is down."""
    before = current_app.conf.task_always_eager, current_app.conf.task_eager_propagates
    current_app.conf.task_always_eager = current_app.conf.task_eager_propagates = at_once
    try:
        yield
    finally:
        current_app.conf.task_always_eager, current_app.conf.task_eager_propagates = before


class Office:
    """Who works here, each at a browser of their own."""

    def __init__(self) -> None:
        self.company = Company()
        officers = self.company.paul, self.company.petra, self.company.rita
        for person in (self.company.ada, *officers, self.company.uma, self.company.sam):
            account_of(person)
        self.ada, self.uma = self._signed_in(self.company.ada), self._signed_in(self.company.uma)

    # Few journeys need these: who is not needed does not sign in.

    @cached_property
    def paul(self) -> Visitor:
        return self._signed_in(self.company.paul)

    @cached_property
    def petra(self) -> Visitor:
        return self._signed_in(self.company.petra)

    @cached_property
    def rita(self) -> Visitor:
        return self._signed_in(self.company.rita)

    @cached_property
    def sam(self) -> Visitor:
        return self._signed_in(self.company.sam)

    def browser_of(self, person: Person) -> Visitor:
        """The browser of somebody who has no account yet."""
        account_of(person)
        return self._signed_in(person)

    def _signed_in(self, person: Person) -> Visitor:
        """With a password; test_account goes through the pages of it."""
        client = Client()
        client.post("/account/login/", {"login": username_of(person), "password": PASSWORD})
        assert "_auth_user_id" in client.session
        client.handler.enforce_csrf_checks = True  # from here on
        return Visitor(BASE_URL, over_wsgi(client))

    @staticmethod
    def visitor() -> Visitor:
        return Visitor(BASE_URL, over_wsgi())

    # --- the road, page by page

    def enable(self, *labels: str, person: Person | None = None) -> TokenRequest:
        """ada searches, clicks Enable, checks the types, clicks Next."""
        target = person or self.company.uma
        self.ada.open("/search/")
        self.ada.press("Search", q=target.surname)
        self.ada.follow("Enable", within=str(target.pk))
        self.ada.press("Next", *labels)
        return TokenRequest.objects.latest("created_at")

    def ask(self, *labels: str) -> TokenRequest:
        """uma selects Request softtoken, checks the types, clicks Next."""
        self.uma.open("/my/request/")
        self.uma.press("Next", *labels)
        return TokenRequest.objects.latest("created_at")

    def approve(self, request: TokenRequest, *, by: Visitor | None = None) -> HtmlPage:
        browser = by or self.paul
        browser.open("/open-tasks/")
        browser.open(f"/requests/{request.pk}/")
        return browser.press("Approve")

    def accept(self, request: TokenRequest) -> HtmlPage:
        self.uma.open("/my/open-tasks/")
        self.uma.open(f"/my/requests/{request.pk}/terms/")
        return self.uma.press("Accept", "I accept")

    def show_passphrase(self, request: TokenRequest) -> str:
        self.uma.open(f"/my/tokens/{request.tokens.get().pk}/passphrase/")
        self.uma.press("Show passphrase")
        return self.uma.page.outputs[0]

    def note_passphrase(self) -> HtmlPage:
        return self.uma.press("Confirm", "I have noted the passphrase")


def mails_to(address: str) -> list[StoredMessage]:
    """Newest first."""
    return [stored for stored in mailbox.stored_messages() if address in stored.recipients]


def delivered_files(address: str) -> list[tuple[str, bytes]]:
    """Name and content of every attached container."""
    return [
        (name, content)
        for stored in mails_to(address)
        for name, media_type, content in stored.attachments()
        if media_type == "application/x-pkcs12"
    ]


@contextmanager
def later(**delay: float) -> Iterator[None]:
    """The clock is moved on, and what beat starts has run once."""
    with time_machine.travel(timezone.now() + timedelta(**delay)):
        sweep.sweep()
        lapse.lapse_overdue()
        yield


def links_in(message: StoredMessage) -> list[str]:
    return re.findall(r"https?://[^\s>\"]+", message.body("plain"))
