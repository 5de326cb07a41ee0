"""How long a person waits from **Accept** to the passphrase, on a whole installation that does nothing else.

The installation is real: web process, worker with four threads, beat and broker, RSA-3072 keys, the embedded
CA. The road is walked by HTTP: Accept is posted, then the page of the progress asks as often as it says
itself, and at last the passphrase is shown. What a person needs beforehand (a request that waits for them,
a session) is made by the verbs, while no clock runs.
"""

import re
import time
from typing import Any
from urllib.parse import urljoin

import requests
from django.conf import settings
from django.test import Client

from identity_manager.demo.pages import HtmlPage
from identity_manager.demo.visitor import Visitor
from identity_manager.models import Account, Person, Role, TokenType
from identity_manager.workflow import step1_enable
from tests.performance.installation import running
from tests.performance.timing import percentile

TYPE = "authentication"  # RSA-3072, one certificate, no approval
PATIENCE_SECONDS = 60
METHODS = "account_authentication_methods"


def measured(number: int) -> dict[str, Any]:
    """Seconds of each of so many tokens; one more warms up before them."""
    with running():
        samples = [walked(request) for request in waiting(number + 1)][1:]
    return {"figures": {"accept_to_passphrase_p95_s": percentile(samples, 95)}, "seconds": samples}


def waiting(number: int) -> Any:
    """Requests of so many persons that wait for their acceptance, each made when it is asked for."""
    officer = Person.objects.holding(Role.TOKEN_ADMINISTRATOR).first()
    token_type = TokenType.objects.active().get(code=TYPE)
    fresh = Person.objects.filter(state="active", kind="employee", tokens=None, account=None)
    for person in fresh.exclude(email="").exclude(upn="").order_by("pk")[:number]:
        yield step1_enable.enable(actor=officer, person_id=person.pk, type_ids=[token_type.pk])


def walked(request: Any) -> float:
    """Seconds from Accept to the passphrase on the screen."""
    session = signed_in(request.person)

    def send(method: str, url: str, data: list[tuple[str, str]]) -> HtmlPage:
        answer = session.request(method, url, data=data or None, headers={"Referer": url}, timeout=30)
        return HtmlPage(answer.url, answer.text, status=answer.status_code)

    browser = Visitor(settings.SELFSERVICE_BASE_URL, send)
    browser.open(f"/my/requests/{request.pk}/terms/")
    began = time.perf_counter()
    browser.press("Accept", "I accept")
    while "/passphrase/" not in browser.page.url:
        browser.open(where_it_goes_on(session, browser.page.url, browser.page.html))
    browser.press("Show passphrase")
    seconds = time.perf_counter() - began
    if not browser.page.outputs[0]:
        raise RuntimeError(f"No passphrase on {browser.page.url}")
    return seconds


def where_it_goes_on(session: requests.Session, url: str, html: str) -> str:
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


def signed_in(person: Any) -> requests.Session:
    """A browser with a session of the person's, begun just now with a password."""
    browser = requests.Session()
    browser.trust_env = False
    browser.cookies.set(settings.SESSION_COOKIE_NAME, begun_session(person))
    browser.cookies.set(settings.LANGUAGE_COOKIE_NAME, "en")
    return browser


def begun_session(person: Any) -> str:
    """The key of a session of the person's, begun just now with a password; they get an account for it."""
    account = Account.objects.filter(person=person).first() or Account.objects.create_account(
        username=person.personnel_number, person=person, password=None
    )
    client = Client(SERVER_NAME="localhost")
    client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
    session = client.session
    session[METHODS] = [{"method": "password", "at": time.time()}]
    session[f"{METHODS}_user"] = str(account.pk)
    session.save()
    return str(session.session_key)
