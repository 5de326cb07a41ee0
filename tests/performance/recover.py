"""How long a person waits from **Recover** to the passphrase, on a whole installation that does nothing else.

As accept.py measures it, with an online recovery key: the demo organisation archives the keys of its type
*encryption* for one. What a person needs beforehand (a token whose key is archived, a second factor of eight
days, a session in which it was shown) is made by the verbs, while no clock runs.
"""

import time
from datetime import timedelta
from importlib import import_module
from typing import Any

import requests
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils import timezone

from identity_manager.demo.pages import HtmlPage
from identity_manager.demo.visitor import Visitor
from identity_manager.models import ArchivedKey, Person, Role, TokenType
from identity_manager.workflow import step1_enable, step4_accept
from tests.performance import accept
from tests.performance.installation import running
from tests.performance.timing import percentile

TYPE = "encryption"  # RSA-3072, one certificate, archived


def measured(number: int) -> dict[str, Any]:
    """Seconds of each of so many recoveries; one more warms up before them."""
    with running():
        samples = [walked(owner) for owner in owners(number + 1)][1:]
    return {"figures": {"recover_to_passphrase_p95_s": percentile(samples, 95)}, "seconds": samples}


def owners(number: int) -> Any:
    """So many persons who have an archived key, each made ready when asked for."""
    officer = Person.objects.holding(Role.TOKEN_ADMINISTRATOR).first()
    token_type = TokenType.objects.active().get(code=TYPE)
    fresh = Person.objects.filter(state="active", kind="employee", tokens=None, account=None)
    for person in fresh.exclude(email="").exclude(upn="").order_by("pk")[:number]:
        request = step1_enable.enable(actor=officer, person_id=person.pk, type_ids=[token_type.pk])
        texts = [version.text_in("en").pk for version in step4_accept.terms_of(request)]
        step4_accept.accept(
            actor=person, request_id=request.pk, snapshot_hash=request.snapshot_hash, text_ids=texts
        )
        deadline = time.monotonic() + accept.PATIENCE_SECONDS
        while not ArchivedKey.objects.filter(owner=person).exists():
            if time.monotonic() > deadline:
                raise RuntimeError("No key was archived.")
            time.sleep(0.1)
        yield person


def walked(owner: Any) -> float:
    """Seconds from Recover to the passphrase on the screen."""
    session = with_second_factor(owner)

    def send(method: str, url: str, data: list[tuple[str, str]]) -> HtmlPage:
        answer = session.request(method, url, data=data or None, headers={"Referer": url}, timeout=30)
        return HtmlPage(answer.url, answer.text, status=answer.status_code)

    browser = Visitor(settings.SELFSERVICE_BASE_URL, send)
    browser.open("/my/recover/?all")
    began = time.perf_counter()
    browser.press("Recover", purpose="Measured.")
    while "/passphrase/" not in browser.page.url:
        browser.open(accept.where_it_goes_on(session, browser.page.url, browser.page.html))
    browser.press("Show passphrase")
    seconds = time.perf_counter() - began
    if not browser.page.outputs[0]:
        raise RuntimeError(f"No passphrase on {browser.page.url}")
    return seconds


def with_second_factor(owner: Any) -> requests.Session:
    """A browser in which the owner has just shown a second factor that they have had for eight days."""
    browser = accept.signed_in(owner)
    row = Authenticator.objects.create(
        user=owner.account, type=Authenticator.Type.WEBAUTHN, data={"name": "key"}
    )
    Authenticator.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=8))
    store = import_module(settings.SESSION_ENGINE).SessionStore
    session = store(browser.cookies[settings.SESSION_COOKIE_NAME])
    session[accept.METHODS] = [
        *session[accept.METHODS],
        {"method": "mfa", "at": time.time(), "id": row.pk, "type": "webauthn"},
    ]
    session.save()
    return browser
