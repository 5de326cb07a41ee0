"""Browsers in which somebody has just signed in, and their way to a passphrase."""

import re
import time
from urllib.parse import urljoin

import requests
from django.conf import settings
from django.test import Client

from identity_manager.demo.pages import HtmlPage
from identity_manager.demo.visitor import Visitor
from identity_manager.models import Person
from tests.tools.sign_in import signed_in

PATIENCE_SECONDS = 60


def client(person: Person) -> Client:
    """Django's own, in this process, with a session begun just now with a password; makes the account."""
    browser = signed_in(person, seconds_ago=0)
    browser.defaults["SERVER_NAME"] = "localhost"
    return browser


def over_http(browser: Client) -> requests.Session:
    """One that asks over HTTP, with the same session."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set(settings.SESSION_COOKIE_NAME, str(browser.session.session_key))
    session.cookies.set(settings.LANGUAGE_COOKIE_NAME, "en")
    return session


def walked(session: requests.Session, path: str, button: str, *checks: str, **fields: str) -> float:
    """Seconds from the button of this page of Self-Service to the passphrase on the screen."""

    def send(method: str, url: str, data: list[tuple[str, str]]) -> HtmlPage:
        answer = session.request(method, url, data=data or None, headers={"Referer": url}, timeout=30)
        return HtmlPage(answer.url, answer.text, status=answer.status_code)

    browser = Visitor(settings.SELFSERVICE_BASE_URL, send)
    browser.open(path)
    began = time.perf_counter()
    browser.press(button, *checks, **fields)
    while "/passphrase/" not in browser.page.url:
        browser.open(_where_it_goes_on(session, browser.page.url, browser.page.html))
    browser.press("Show passphrase")
    seconds = time.perf_counter() - began
    if not browser.page.outputs[0]:
        raise RuntimeError(f"No passphrase on {browser.page.url}")
    return seconds


def _where_it_goes_on(session: requests.Session, url: str, html: str) -> str:
    """Wait as the page does, whose script asks again after the time that the page says."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while moves := re.search(r'hx-get="([^"]+)" hx-trigger="every (\d+)ms"', html):
        time.sleep(int(moves[2]) / 1000)
        answer = session.get(urljoin(url, moves[1]), headers={"HX-Request": "true"}, timeout=30)
        if target := answer.headers.get("HX-Redirect"):
            return target
        html = answer.text
        if time.monotonic() > deadline:
            break
    raise RuntimeError(f"Nothing moves on {url}")
