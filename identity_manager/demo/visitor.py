"""Scripted browser over HTTP, without JavaScript: opens pages, follows links, fills in and submits forms."""

from collections.abc import Callable
from urllib.parse import urljoin

import requests
from django.conf import settings

from ca_bridge import outgoing
from identity_manager.demo.pages import Form, HtmlPage, NotOnThePageError

TIMEOUT = 30
Send = Callable[[str, str, list[tuple[str, str]]], HtmlPage]


def over_http() -> Send:
    """Return a function that sends requests to a running system, with its own cookies; it follows redirects.

    The language cookie is set to the installation's language, in which the journey's texts are written.
    """
    session = outgoing.session()
    session.cookies.set(settings.LANGUAGE_COOKIE_NAME, settings.LANGUAGE_CODE)

    def send(method: str, url: str, data: list[tuple[str, str]]) -> HtmlPage:
        headers = {"Referer": url}
        response = session.request(method, url, data=data or None, headers=headers, timeout=TIMEOUT)
        return HtmlPage(response.url, response.text, status=response.status_code)

    return send


def download(url: str) -> bytes:
    """Download a file that needs no sign-in. Raises NotOnThePageError."""
    with outgoing.session() as session:
        response = session.get(url, timeout=TIMEOUT)
    if response.status_code != requests.codes.ok:
        raise NotOnThePageError(f"{url} answers {response.status_code}")
    return response.content


class Visitor:
    """One person's browser session. page: the current page."""

    def __init__(self, base_url: str, send: Send) -> None:
        self.base_url = base_url
        self._send = send
        self.page = HtmlPage(base_url, "")

    def open(self, path: str) -> HtmlPage:
        """Open a path or URL of the site."""
        return self._arrive(self._send("GET", urljoin(self.base_url, path), []))

    def follow(self, text: str, *, within: str = "") -> HtmlPage:
        """Open the first link that begins with this text. Raises NotOnThePageError."""
        return self.open(self.page.link(text, within=within))

    def press(self, button: str, *checks: str, **fields: str) -> HtmlPage:
        """Tick the check boxes, fill in the fields and submit the form of this button.

        checks: beginnings of labels. fields: values by name. Raises NotOnThePageError.
        """
        form = self.page.form(button)
        for label in checks:
            form.check(label)
        for name, value in fields.items():
            form.fill(name, value)
        return self.send(form)

    def send(self, form: Form) -> HtmlPage:
        """Submit a form of the current page."""
        url = urljoin(self.page.url, form.action) if form.action else self.page.url
        return self._arrive(self._send(form.method.upper(), url, form.data()))

    def sign_in(self, username: str, password: str) -> HtmlPage:
        """Sign in with a password. Raises NotOnThePageError if the login page refuses it."""
        self.open("/account/login/")
        self.press("Sign in", login=username, password=password)
        if "/account/login" in self.page.url:
            raise NotOnThePageError(f"{username} could not sign in: {self.page.text[:200]}")
        return self.page

    def _arrive(self, page: HtmlPage) -> HtmlPage:
        self.page = page
        return page
