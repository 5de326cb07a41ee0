"""Single sign-on at a certified provider of another author (oidc-provider, on Node): acr, RP-initiated and
back-channel logout, over real connections in both directions.

`npm ci` fetches the packages that the lock names into pytest's cache, once; the product needs none of them.
"""

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.cache import cache
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from identity_manager.config.sso import ROLES
from identity_manager.models import AuditEvent, Person
from identity_manager.people.sign_in import sso_provider
from tests.identity_manager.account.single_sign_on.conftest import SECRET
from tests.tools import cast, programs
from tests.tools.running import free_port, listens, running

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs_program("node", "npm"),
    pytest.mark.django_db(transaction=True),
]
FOLDER = Path(__file__).parent / "certified_provider"
TWO = "urn:example:two"
Start = Callable[..., str]


@pytest.fixture(scope="module")
def packages(pytestconfig: pytest.Config) -> Path:
    """The folder with the packages of the lock. Without a registry these are skipped; under CI they fail."""
    lock = (FOLDER / "package-lock.json").read_bytes()
    folder = Path(pytestconfig.cache.mkdir("oidc-provider")) / hashlib.sha256(lock).hexdigest()[:16]
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(FOLDER, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
        if ended.returncode:
            sentence = f"the packages of the provider cannot be fetched: {ended.stderr[-300:]}"
            _ = pytest.fail(sentence) if programs.in_ci() else pytest.skip(sentence)
        (folder / "complete").touch()
    shutil.copy(FOLDER / "server.mjs", folder)
    return folder


@pytest.fixture
def start(packages: Path, live_server: LiveServer, settings: Settings) -> Iterator[Start]:
    """Start the provider, whose sign-ins have this acr, and name it in the settings; returns its address."""
    with ExitStack() as stack:

        def started(*, acr: str = "", **more: Any) -> str:
            port = free_port()
            stack.enter_context(_running(packages, port, live_server.url, acr))
            given = {
                "name": "Certified",
                "server_url": f"http://127.0.0.1:{port}",
                "client_id": "identity-manager",
                "scopes": ["openid"],
                "claim": "upn",
                "field": "upn",
                **more,
            }
            settings.SSO_PROVIDERS = {"corp": sso_provider.parse("corp", given, secret=SECRET, roles=ROLES)}
            cache.clear()
            return str(given["server_url"])

        yield started


@contextmanager
def _running(folder: Path, port: int, home: str, acr: str) -> Iterator[None]:
    command = ["node", "server.mjs", str(port), home, acr]
    with running(command, log=folder / "log", up=lambda: listens(port), end_within=20, cwd=folder):
        yield


class Browser(requests.Session):
    def __init__(self, home: str) -> None:
        super().__init__()
        self.home = home

    def press(self, path: str, page: str) -> requests.Response:
        """Post the form of the page to the path, and follow where it leads."""
        found = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', self.get(f"{self.home}{page}").text)
        assert found
        return self.post(f"{self.home}{path}", data={"csrfmiddlewaretoken": found.group(1)}, timeout=20)

    def sign_in(self) -> requests.Response:
        return self.press("/account/sso/corp/", "/account/login/")

    def confirm_at_the_provider(self, page: requests.Response, address: str) -> requests.Response:
        found = re.search(r'name="xsrf" value="([^"]+)"', page.text)
        assert found, page.text
        data = {"xsrf": found.group(1), "logout": "yes"}
        return self.post(f"{address}/session/end/confirm", data=data, timeout=20)

    @property
    def is_signed_in(self) -> bool:
        return self.get(f"{self.home}/my/", allow_redirects=False, timeout=20).status_code == 200


@pytest.fixture
def uma(live_server: LiveServer) -> Person:
    return cast.person("uma")


@pytest.mark.nightly
def test_signing_out_there_ends_the_session_here(start: Start, uma: Person, live_server: LiveServer) -> None:
    address = start()
    browser, elsewhere = Browser(live_server.url), Browser(live_server.url)
    for each in (browser, elsewhere):
        each.sign_in()
        assert each.is_signed_in
    browser.confirm_at_the_provider(browser.get(f"{address}/session/end", timeout=20), address)
    assert not browser.is_signed_in
    assert elsewhere.is_signed_in, "another session there, with another sid"
    assert AuditEvent.objects.get(name="account.sessions-ended").facts == {"count": 1, "provider": "corp"}


@pytest.mark.nightly
def test_signing_out_here_leads_there_and_back(start: Start, uma: Person, live_server: LiveServer) -> None:
    address = start()
    browser = Browser(live_server.url)
    browser.sign_in()
    question = browser.press("/account/logout/", "/account/logout/")
    assert question.url.startswith(f"{address}/session/end?")
    back = browser.confirm_at_the_provider(question, address)
    assert back.url.startswith(f"{live_server.url}/account/signed-out/?state=")
    assert "at your organisation" in back.text
    assert not browser.is_signed_in


@pytest.mark.nightly
@pytest.mark.parametrize(("acr", "signed_in"), [(TWO, True), ("", False)])
def test_the_second_factor_is_asked_for_and_demanded(
    start: Start, uma: Person, live_server: LiveServer, acr: str, *, signed_in: bool
) -> None:
    start(acr=acr, second_factor="provider", acr_values=[TWO])
    browser = Browser(live_server.url)
    page = browser.sign_in()
    assert browser.is_signed_in is signed_in
    assert ("did not confirm that you showed a second factor" in page.text) is not signed_in
