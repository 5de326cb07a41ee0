"""Browsers behind a TLS proxy: the driver plays both, and asks whichever web process answers.

A person whose page does not load tries again; whether the first try did something, the person cannot know.
"""

import itertools
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import requests
from django.conf import settings

from identity_manager.demo.pages import HtmlPage
from identity_manager.demo.visitor import Send, Visitor
from identity_manager.models import Person
from tests.chaos.place import BASE_URL, HOST
from tests.performance import browsers

TIMEOUT = 20
HOPS = 5


class PageDoesNotLoadError(Exception):
    """No web process answered, or one answered that it is in trouble."""


class Proxy:
    """Ends TLS, as the product expects it of a proxy, and hands requests to the web processes in turn."""

    def __init__(self, ports: tuple[int, ...]) -> None:
        self._turn = itertools.cycle(ports)
        self._number = len(ports)

    def visitor(self, person: Person) -> Visitor:
        """A browser in which the person has just signed in."""
        session = str(browsers.client(person).session.session_key)
        cookies = {settings.SESSION_COOKIE_NAME: session, settings.LANGUAGE_COOKIE_NAME: "en"}
        return Visitor(BASE_URL, self._send_with(cookies))

    def _send_with(self, cookies: dict[str, str]) -> Send:
        def send(method: str, url: str, data: list[tuple[str, str]]) -> HtmlPage:
            for _ in range(HOPS):
                answer = self._answer(partial(_ask, method=method, url=url, data=data, cookies=cookies))
                cookies.update({each.name: each.value or "" for each in answer.cookies})
                if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise PageDoesNotLoadError(f"{url}: {answer.status_code}")
                if not answer.is_redirect:
                    return HtmlPage(url, answer.text, status=answer.status_code)
                method, url, data = "GET", urljoin(url, answer.headers["Location"]), []
            raise PageDoesNotLoadError(f"{url}: redirected again and again")

        return send

    def _answer(self, ask: Callable[[int], requests.Response]) -> requests.Response:
        """Of the first that accepts the connection; a request that was begun is not sent to another one."""
        for _ in range(self._number):
            try:
                return ask(next(self._turn))
            except requests.ConnectionError as error:
                if "refused" not in str(error):
                    raise PageDoesNotLoadError(str(error)) from error
            except requests.RequestException as error:
                raise PageDoesNotLoadError(str(error)) from error
        raise PageDoesNotLoadError("no web process listens")


def _ask(
    port: int, *, method: str, url: str, data: list[tuple[str, str]], cookies: dict[str, str]
) -> requests.Response:
    """On the loopback, whatever the address says."""
    parts = urlsplit(url)
    assert parts.hostname == HOST, url
    headers = {
        "Host": HOST,
        "Referer": url,
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": "https",
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
    }
    target = parts._replace(scheme="http", netloc=f"127.0.0.1:{port}").geturl()
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            method, target, data=data or None, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
