"""Every answer of the product has the headers and cookies that docs/reference/security-headers.md names."""

import json
import re
import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from django.http import HttpResponse, HttpResponseBase
from django.test import Client
from django.urls import resolve, reverse
from pytest_django import Settings

from identity_manager.config import secret_files
from tests import check_deploy
from tests.architecture.source import ROOT
from tests.architecture.standing import CERTIFICATES, PROVIDER, taken_back
from tests.architecture.url_table import SIGNED_IN, TABLE, Row, Visitor
from tests.architecture.url_world import World

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("urls"), pytest.mark.long]
PAGE = ROOT / "docs" / "reference" / "security-headers.md"
CACHING, POLICY = "Cache-Control", "Content-Security-Policy"
LEAD_TO_PROVIDERS = ("account_login", "account_reauthenticate", "console:certificate-test")
# Requests of programs, about what is public: they change nothing and read no cookie.
NO_FORMS = ("pki:ocsp", "pki:ocsp-get", "sso-back-channel-logout", "saml-acs", "scim:resource", "api:call")
FORMS = [row for row in TABLE if row.posts and row.name not in NO_FORMS]
PROBES = ("health-live", "health-ready", "metrics")  # answered before every middleware, to machines
TABLE_ROW = re.compile(r"^\| (.*) \|$", re.MULTILINE)


# --- What the document says ------------------------------------------------------------------------
@cache
def section(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without backticks; the words of the last column stay apart."""
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [[cell.strip().replace("`", "") for cell in line.split(" | ")] for line in TABLE_ROW.findall(text)]
    return rows[1:]  # without the head


def everywhere() -> dict[str, str]:
    return {name: value for name, value, _why in section("On every answer")}


def said_of(address: str) -> dict[str, str]:
    """What an answer at this address has: the common ones, and what the table of exceptions changes."""
    route = resolve(address).route
    own = {name: value for place, name, value, _why in section("Exceptions") if place == f"/{route}"}
    return {name: value for name, value in (everywhere() | own).items() if value != "none"}


# --- What the product does -------------------------------------------------------------------------
def headers(response: HttpResponseBase) -> dict[str, str]:
    return {name: response[name] for name in everywhere() if response.has_header(name)}


def words(value: str | None) -> set[str]:
    """The directives of a value, whose order says nothing."""
    return set(re.split("[,;] *", value or "none"))


def differing(response: HttpResponseBase, said: dict[str, str]) -> dict[str, Any]:
    """What is not as said. A Cache-Control may say more than it must."""
    found = headers(response)
    wrong = {name for name in found | said if words(found.get(name)) != words(said.get(name))}
    if words(said[CACHING]) <= words(found.get(CACHING)):
        wrong.discard(CACHING)
    return {name: (found.get(name), said.get(name)) for name in wrong}


def visitors(row: Row) -> list[Visitor]:
    """Who sees the page, if anybody does; somebody who is refused; and who is not signed in."""
    return [min(row.opens or row.posts or SIGNED_IN), Visitor.WITHOUT_ROLE, Visitor.ANONYMOUS]


@pytest.mark.parametrize("row", [row for row in TABLE if row.name not in PROBES], ids=str)
def test_every_answer_has_them(world: World, row: Row) -> None:
    address = world.address(row)
    for visitor in visitors(row):
        response = world.browsers[visitor].get(address)
        said = said_of(address) if response.status_code < 300 else everywhere()
        if row.name in LEAD_TO_PROVIDERS:
            for led_to in (PROVIDER.authorization_origin, CERTIFICATES):
                response[POLICY] = response[POLICY].replace(f" {led_to}", "")
        assert differing(response, said) == {}, f"{visitor}: {response.status_code}"


def test_the_sign_in_pages_alone_lead_to_providers(client: Client, settings: Settings) -> None:
    settings.SSO_PROVIDERS, settings.CERTIFICATE_BASE_URL = {"corp": PROVIDER}, CERTIFICATES
    policy = client.get("/account/login/")[POLICY]
    assert f"form-action 'self' {PROVIDER.authorization_origin} {CERTIFICATES};" in f"{policy};"


@pytest.mark.parametrize("name", PROBES)
def test_the_probes_are_kept_by_no_cache(client: Client, name: str) -> None:
    assert "no-store" in client.get(reverse(name))[CACHING]


def test_every_exception_is_an_address(world: World) -> None:
    routes = {f"/{resolve(world.address(row)).route}" for row in TABLE}
    assert {place for place, *_rest in section("Exceptions")} - routes == set()


def test_the_page_of_a_fault_has_them(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr("identity_manager.account.views.ways_offered", lambda: 1 // 0)
    response = client.get("/account/login/")
    assert response.status_code == 500
    assert differing(response, everywhere()) == {}


def test_files_of_the_pages_have_them(client: Client, settings: Settings) -> None:
    settings.WHITENOISE_USE_FINDERS = True  # nothing is collected in tests
    response = client.get("/static/ui/favicon.svg")
    assert response.status_code == 200
    said = everywhere() | {name: value for name, value, _why in section("Static files")}
    assert differing(response, said) == {}


# --- Forged forms ----------------------------------------------------------------------------------
def enforcing(browser: Client, **headers: str) -> Client:
    """The same browser, whose forms come without what it has to send along."""
    forged = Client(enforce_csrf_checks=True, headers=headers)
    for name, morsel in browser.cookies.items():
        forged.cookies[name] = morsel.value
    return forged


def is_refused_as_forged(response: HttpResponseBase) -> bool:
    return response.status_code == 403 and "403_csrf.html" in {
        template.name for template in getattr(response, "templates", ())
    }


@pytest.mark.parametrize("row", FORMS, ids=str)
def test_a_form_without_its_token_is_refused(world: World, row: Row) -> None:
    address, browser = world.address(row), world.browsers[min(row.posts)]
    with taken_back():
        assert is_refused_as_forged(enforcing(browser).post(address))


@pytest.mark.parametrize("row", FORMS, ids=str)
def test_a_form_of_another_site_is_refused_token_or_not(world: World, row: Row) -> None:
    address = world.address(row)
    forged = enforcing(world.browsers[min(row.posts)], origin="https://elsewhere.example")
    forged.cookies["csrftoken"] = token = "a" * 32
    with taken_back():
        assert is_refused_as_forged(forged.post(address, {"csrfmiddlewaretoken": token}))


def test_the_same_form_of_this_site_is_not(world: World) -> None:
    """So that the test above refuses for the origin."""
    row = FORMS[0]
    ours = enforcing(world.browsers[min(row.posts)], origin="http://testserver")
    ours.cookies["csrftoken"] = token = "a" * 32
    with taken_back():
        assert not is_refused_as_forged(ours.post(world.address(row), {"csrfmiddlewaretoken": token}))


# --- In production ---------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What production_answers.py says, with a database of its own."""
    directory = tmp_path_factory.mktemp("production")
    secret_files.make(directory)
    engine = {"DATABASE_URL": f"sqlite:///{directory}/db.sqlite3", "ALLOW_SQLITE": "true"}
    django = {"DJANGO_SETTINGS_MODULE": "identity_manager.config.settings"}
    outcome = subprocess.run(
        [sys.executable, "-m", "tests.architecture.production_answers"],
        env=check_deploy.environment(directory) | engine | django,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=80,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    answers: dict[str, Any] = json.loads(outcome.stdout)
    return answers


def test_production_insists_on_https(production: dict[str, Any]) -> None:
    (name, value, _why), *others = section("In production")
    assert others == []
    assert production["page"][name] == value
    host = "tokens.acme-corporation.net"
    assert production["by http"] == [301, f"https://{host}/account/login/"]


def test_the_page_of_a_production_has_the_same_headers(production: dict[str, Any]) -> None:
    assert differing(HttpResponse(headers=production["page"]), everywhere()) == {}


def test_cookies_are_as_said(production: dict[str, Any]) -> None:
    said = {name: words(attributes) for name, attributes, _why in section("Cookies")}
    assert {name: words(attributes) for name, attributes in production["cookies"].items()} == said


@pytest.mark.parametrize("row", [row for row in TABLE if row.name in NO_FORMS], ids=str)
def test_what_is_no_form_knows_nobody(world: World, row: Row) -> None:
    """The same answer to everybody, whoever may be signed in; and no cookie, where none came."""
    address = world.address(row)
    answers = [browser.post(address) for browser in world.browsers.values()]
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert not Client().post(address).cookies
