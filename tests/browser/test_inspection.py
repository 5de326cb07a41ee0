"""The inspection finds what it is there for: each fault is planted on a page that was clean."""

import base64

import pytest

from tests.browser.conftest import NEEDS, PHONE, OpenDesk
from tests.browser.inspection import PageFaultError

pytestmark = NEEDS

SECRET = "K7QP3-M2XW9-8HTRD-F4NVB-6JYCE"
FAULTS = {
    "console": ("console.warn('something is odd')", "something is odd"),
    "exception": ("setTimeout(() => { throw new Error('it broke') })", "it broke"),
    "inline style": ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
    "inline script": ("document.body.setAttribute('onclick', 'x()')", "Content Security Policy"),
    "no label": ("document.querySelector('label').remove()", "label"),
    "cut off": (
        "document.querySelector('form').style.cssText = 'overflow: clip; inline-size: 1rem'",
        "cuts off",
    ),
    "two parts of one name": (
        "document.querySelector('main').append(...[0, 1].map(() =>"
        " Object.assign(document.createElement('h2'), {textContent: 'Account'})))",
        "two parts of one name",
    ),
    "mixed languages": ("document.querySelector('h1').textContent = 'Anmelden'", "mixes languages"),
    "mixed, with a name": (
        "document.querySelector('h1').textContent = 'Die Datei ist in Ihrem Postfach: uma@example.com.'",
        "mixes languages",
    ),
    "too wide": ("document.body.style.minInlineSize = '2000px'", "px wide"),
}
PLACES = {
    "localStorage": "secret => localStorage.setItem('kept', `[${secret}]`)",
    "sessionStorage": "secret => sessionStorage.setItem('htmx-history-cache', secret)",
    "history": "secret => history.replaceState({kept: secret}, '')",
    "cookie": "secret => { document.cookie = `kept=${secret}` }",
    "address": "secret => fetch(`/account/login/?kept=${secret}`).then(() => null)",
    "window": "secret => { window.name = secret }",
    "cache": "secret => caches.open(secret).then(() => null)",
    "database": "secret => new Promise((done) => { indexedDB.open(secret).onsuccess = () => done() })",
}
FORMS = {
    "plain": SECRET,
    "without hyphens": SECRET.replace("-", ""),
    "base64": base64.b64encode(SECRET.encode()).decode(),
}


@pytest.mark.nightly
@pytest.mark.parametrize(("plant", "found"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found(open_desk: OpenDesk, plant: str, found: str) -> None:
    desk = open_desk(viewport=PHONE)
    desk.open("/account/login/")
    desk.page.evaluate(f"() => {{ {plant} }}")
    desk.page.wait_for_timeout(50)
    with pytest.raises(PageFaultError, match=found):
        desk.look()


@pytest.mark.nightly
@pytest.mark.parametrize("keep", PLACES.values(), ids=PLACES)
def test_a_kept_secret_is_found(open_desk: OpenDesk, keep: str) -> None:
    desk = open_desk()
    desk.open("/account/login/")
    desk.inspection.look_for(SECRET)
    desk.page.evaluate(keep, SECRET)
    with pytest.raises(PageFaultError, match="leaves the secret"):
        desk.inspection.look_for(SECRET)


@pytest.mark.nightly
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_in_each_of_its_forms(open_desk: OpenDesk, form: str) -> None:
    desk = open_desk()
    desk.open("/account/login/")
    desk.page.evaluate(PLACES["localStorage"], form)
    with pytest.raises(PageFaultError, match="leaves the secret"):
        desk.inspection.look_for(SECRET)
