"""Demo journey: the cast does the seven steps over HTTP, on the real pages of both portals."""

import random
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from identity_manager.demo.opening import DoesNotOpenError, OpenedContainer, open_container
from identity_manager.demo.pages import HtmlPage, NotOnThePageError
from identity_manager.demo.visitor import Visitor, download

WAIT_SECONDS = 60
RESULT_PAGES = 40
STANDARD_TYPES = ("VPN", "S/MIME")
OPTION_TYPES = ("Authentication",)
ID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
E_MAIL = re.compile(r"[^\s<>()]+@[^\s<>()]+\.[a-z]+")
STEPS = {
    1: "asked for",
    2: "approved",
    3: "information mail",
    4: "terms accepted",
    5: "issued",
    6: "passphrases noted",
    7: "files opened",
}


@dataclass
class Journey:
    """Report of one person's journey through one flow. seconds: by step. expected: number of containers."""

    person: str
    flow: str
    seconds: dict[int, float] = field(default_factory=dict)
    expected: int = 1
    opened: list[OpenedContainer] = field(default_factory=list)
    error: str = ""

    def report(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Someone:
    """A person as the pages show them. files: URLs of attachments that an earlier journey has opened."""

    name: str
    number: str
    email: str
    person_url: str
    browser: Visitor
    files: set[str] = field(default_factory=set)


class JourneyRunner:
    """Runs journeys with one signed-in Visitor per officer. say: called with one line of output per step."""

    def __init__(
        self, new_visitor: Callable[[], Visitor], cast: dict[str, str], say: Callable[[str], None]
    ) -> None:
        self._new_visitor = new_visitor
        self._say = say
        self._ada, self._paul, self._rita = (
            self._signed_in(name, cast[name]) for name in ("ada", "paul", "rita")
        )
        self._reader = new_visitor()  # of the mailbox, which needs no sign-in
        self._root = self._reader.open("/pki/corporate-root.pem").html.encode()

    def _signed_in(self, username: str, password: str) -> Visitor:
        visitor = self._new_visitor()
        visitor.sign_in(username, password)
        return visitor

    # --- whom

    def people(self, count: int) -> list[Someone]:
        """Find Active employees whom ada can enable for the demo's types and who never signed in.

        At most one of each result page, in random order, so that names of several languages occur. Raises
        NotOnThePageError.
        """
        found: list[Someone] = []
        for number in random.SystemRandom().sample(range(1, RESULT_PAGES + 1), RESULT_PAGES):
            query = urlencode({"kind": "employee", "state": "active", "q": "", "page": number})
            page = self._ada.open(f"/search/?{query}")
            usable = (self._usable(url) for url in list(page.links_named("Enable")))
            found.extend(someone for someone in [next(filter(None, usable), None)] if someone)
            if len(found) == count:
                return found
        raise NotOnThePageError("not enough Active employees without tokens; run: make reset")

    def _usable(self, enable_url: str) -> Someone | None:
        page = self._ada.open(enable_url)
        if not any("Next" in form.buttons for form in page.forms):
            return None
        form = page.form("Next")
        if not all(form.offers(label) for label in (*STANDARD_TYPES, *OPTION_TYPES)):
            return None
        person_url = enable_url.removesuffix("enable/")
        card = self._rita.open(person_url)
        if "A second officer confirms" in self._rita.open(f"{person_url}sign-in-code/").text:
            return None  # four eyes: the person has signed in before
        return Someone(
            name=_heading(page),
            number=_match(r"\b[A-Z]-\d{4,6}\b", card.text),
            email=_match(E_MAIL.pattern, page.text),
            person_url=person_url,
            browser=self._new_visitor(),
        )

    # --- the two flows

    def standard(self, someone: Someone) -> Journey:
        """Standard flow: an administrator enables the person."""
        journey = Journey(someone.name, "standard")
        with self._step(journey, 1):
            self._ada.open(f"{someone.person_url}enable/")
            page = self._ada.press("Next", *STANDARD_TYPES)
            request_id = _request_id(page)
        with self._step(journey, 3):
            self._mail(someone, lambda page: "/my/open-tasks/" in page.text)
        self._first_sign_in(someone)
        self._rest(journey, someone, request_id)
        return journey

    def option(self, someone: Someone) -> Journey:
        """Option flow: the person requests a token in Self-Service, and an approver approves it."""
        journey = Journey(someone.name, "option")
        with self._step(journey, 1):
            someone.browser.open("/my/")
            someone.browser.open("/my/request/")
            someone.browser.press("Next", *OPTION_TYPES)
            page = someone.browser.open("/my/requests/")
            request_id = _match(rf"/my/requests/({ID})/withdraw/", page.html)
        with self._step(journey, 2):
            self._paul.open(f"/requests/{request_id}/")
            self._paul.press("Approve")
        with self._step(journey, 3):
            self._mail(someone, lambda page: "/my/open-tasks/" in page.text)
        self._rest(journey, someone, request_id)
        return journey

    def _rest(self, journey: Journey, someone: Someone, request_id: str) -> None:
        browser = someone.browser
        with self._step(journey, 4):
            browser.open(f"/my/requests/{request_id}/terms/")
            browser.press("Accept", "I accept")
        with self._step(journey, 5):
            progress = f"/my/requests/{request_id}/progress/"
            self._until(lambda: "/passphrase/" in browser.open(progress).html, "the token was not issued")
        with self._step(journey, 6):
            passphrases = self._note_passphrases(browser)
        journey.expected = self._certificates(browser, list(passphrases))
        with self._step(journey, 7):
            files = self._new_files(someone, journey.expected)
            journey.opened = [
                self._open_with_one(url, name, list(passphrases.values())) for url, name in files.items()
            ]

    def _first_sign_in(self, someone: Someone) -> None:
        """rita makes a sign-in code; the person signs in with it and sets a password."""
        self._rita.open(f"{someone.person_url}sign-in-code/")
        self._rita.press("Next")
        page = self._rita.press("Make and show the code")
        password = secrets.token_urlsafe(16)
        browser = someone.browser
        browser.open("/account/first-sign-in/")
        form = browser.page.form("Set password and sign in")
        values = iter((someone.number, page.outputs[0], password, password))
        for control in form.controls:
            if control.kind != "hidden":
                control.value = next(values)
        browser.send(form)
        if "/my/" not in browser.page.url:
            raise NotOnThePageError(f"{someone.name} could not sign in: {browser.page.text[:200]}")

    def _note_passphrases(self, browser: Visitor) -> dict[str, str]:
        """Show and acknowledge the passphrase of each token in Open Tasks; return them by token id."""
        page = browser.open("/my/open-tasks/")
        passphrases = {}
        for token in sorted(set(re.findall(rf"/my/tokens/({ID})/passphrase/", page.html))):
            browser.open(f"/my/tokens/{token}/passphrase/")
            browser.press("Show passphrase")
            passphrases[token] = browser.page.outputs[0]
            browser.press("Confirm", "I have noted the passphrase")
        return passphrases

    def _certificates(self, browser: Visitor, tokens: list[str]) -> int:
        """Number of certificate files that the person's pages list for these tokens."""
        pages = [browser.open(f"/my/certificates/{token}/").html for token in tokens]
        return len({each for html in pages for each in re.findall(rf"/certificate-files/({ID})\.", html)})

    # --- mails

    def _mail(self, someone: Someone, wanted: Callable[[HtmlPage], bool]) -> HtmlPage:
        """Wait for a mail to the person for which `wanted` is true; return its page."""
        found: list[HtmlPage] = []

        def look() -> bool:
            found.extend(page for page in self._mails(someone) if wanted(page))
            return bool(found)

        self._until(look, f"no such mail to {someone.email}")
        return found[0]

    def _mails(self, someone: Someone) -> Iterator[HtmlPage]:
        listing = self._reader.open(f"/mailbox/?to={quote(someone.email)}")
        for url in dict.fromkeys(re.findall(r"/mailbox/[^/\"?]+\.eml/", listing.html)):
            yield self._reader.open(url)

    def _new_files(self, someone: Someone, count: int) -> dict[str, str]:
        """Wait for `count` new attached containers; return their file names by URL."""
        files: dict[str, str] = {}

        def all_there() -> bool:
            for page in self._mails(someone):
                urls = dict.fromkeys(re.findall(r'href="(/mailbox/[^"]+/attachments/\d+/)"', page.html))
                names = dict.fromkeys(re.findall(r"[\w-]+\.p12", page.text))
                files.update(zip(urls, names, strict=False))
            return len(files.keys() - someone.files) >= count

        self._until(all_there, f"not every file came to {someone.email}")
        new = {url: name for url, name in files.items() if url not in someone.files}
        someone.files.update(new)
        return new

    def _open_with_one(self, url: str, name: str, passphrases: list[str]) -> OpenedContainer:
        content = download(urljoin(self._reader.base_url, url))
        reason = DoesNotOpenError(f"{name}: there is no passphrase")
        for passphrase in passphrases:
            try:
                return open_container(content, file_name=name, passphrase=passphrase, root=self._root)
            except DoesNotOpenError as error:
                reason = error
        raise reason

    # --- time

    @contextmanager
    def _step(self, journey: Journey, number: int) -> Iterator[None]:
        started = time.monotonic()
        yield
        journey.seconds[number] = round(time.monotonic() - started, 3)
        self._say(
            f"{journey.flow:9} {number} {STEPS[number]:18} {journey.seconds[number]:7.2f} s  {journey.person}"
        )

    @staticmethod
    def _until(condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            if time.monotonic() > deadline:
                raise NotOnThePageError(f"{otherwise} within {WAIT_SECONDS} s")
            time.sleep(0.2)


def _request_id(page: HtmlPage) -> str:
    return _match(rf"/requests/({ID})/", page.url)


def _match(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[found.lastindex or 0] if found else ""


def _heading(page: HtmlPage) -> str:
    return unescape(_match(r"<h1>\s*Enable (.+?)\s*</h1>", page.html))
