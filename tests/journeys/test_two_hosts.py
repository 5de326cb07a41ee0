"""The road with each portal on a host of its own: two web processes, cookies apart, links across."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from identity_manager.demo.journey import JourneyRunner, Someone
from identity_manager.demo.pages import HtmlPage
from identity_manager.demo.visitor import Visitor, over_http
from tests.identity_manager.management.test_run import ROOT
from tests.identity_manager.management.two_hosts import TwoHosts, two_hosts

CONSOLE_PAGES = ("/search/", "/requests/", "/admin/", "/open-tasks/", "/mailbox/")
SELFSERVICE_PAGES = ("/my/", "/my/open-tasks/", "/my/certificates/")

pytestmark = [pytest.mark.nightly, pytest.mark.xdist_group("two hosts")]  # both are started once


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    with two_hosts(tmp_path_factory.mktemp("two") / "var") as running:
        yield running


@pytest.fixture(scope="module")
def passwords(hosts: TwoHosts) -> dict[str, str]:
    cast = json.loads((hosts.var / "secrets" / "demo-cast.json").read_text(encoding="utf-8"))
    return {member["username"]: member["password"] for member in cast}


class AtTheRightHost(Visitor):
    """A browser that goes where a link leads: pages of Self-Service and of who uses it are elsewhere."""

    def __init__(self, hosts: TwoHosts) -> None:
        super().__init__(hosts.console, over_http())
        self._hosts, self.is_user = hosts, False

    def open(self, path: str) -> HtmlPage:
        elsewhere = path.startswith(("/my/", "/account/first-sign-in/"))
        self.is_user = self.is_user or elsewhere
        return super().open(urljoin(self._hosts.selfservice if elsewhere else self.base_url, path))


def test_the_whole_road(hosts: TwoHosts, passwords: dict[str, str]) -> None:
    walk = JourneyRunner(lambda: AtTheRightHost(hosts), passwords, lambda line: None)
    (someone,) = walk.people(1)
    for journey in (walk.standard(someone), walk.option(someone)):
        assert len(journey.opened) == journey.expected > 0
    for link in links_in_mails(someone, hosts):
        assert link.startswith((f"{hosts.selfservice}/my/", f"{hosts.selfservice}/account/"))


def links_in_mails(someone: Someone, hosts: TwoHosts) -> list[str]:
    """Where the buttons of the person's mails lead."""
    reader = Visitor(hosts.console, over_http())
    listing = reader.open(f"/mailbox/?to={someone.email}")
    names = sorted(set(re.findall(r"/mailbox/[^/\"?]+\.eml/", listing.html)))
    found = [
        link for name in names for link in re.findall(r"http://localhost[^\s\"<>)]+", reader.open(name).text)
    ]
    assert found
    return found


def signed_in(base: str, passwords: dict[str, str], username: str) -> requests.Session:
    browser = requests.Session()
    browser.trust_env = False
    page = browser.get(f"{base}/account/login/", timeout=30)
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]
    typed = {"login": username, "password": passwords[username], "csrfmiddlewaretoken": token}
    browser.post(f"{base}/account/login/", data=typed, headers={"Referer": base}, timeout=30)
    return browser


def test_each_refuses_the_pages_of_the_other(hosts: TwoHosts, passwords: dict[str, str]) -> None:
    for base, own, other in (
        (hosts.console, CONSOLE_PAGES, SELFSERVICE_PAGES),
        (hosts.selfservice, SELFSERVICE_PAGES, CONSOLE_PAGES),
    ):
        browser = signed_in(base, passwords, "ada")
        assert {browser.get(base + path, timeout=30).status_code for path in other} == {404}
        assert 404 not in {browser.get(base + path, timeout=30).status_code for path in own}


def test_a_session_of_one_is_none_of_the_other(hosts: TwoHosts, passwords: dict[str, str]) -> None:
    """Both cookies come along, because cookies know no ports; and still, even under the other's name."""
    browser = signed_in(hosts.console, passwords, "ada")
    assert browser.get(f"{hosts.console}/", timeout=30).status_code == 200
    assert "/account/login/" in browser.get(f"{hosts.selfservice}/my/", timeout=30).url

    stolen = browser.cookies["console-sessionid"]
    thief = requests.Session()
    thief.trust_env = False
    thief.cookies.set("selfservice-sessionid", stolen)
    assert "/account/login/" in thief.get(f"{hosts.selfservice}/my/", timeout=30).url
    assert browser.get(f"{hosts.console}/", timeout=30).url == f"{hosts.console}/", "it is as it was"


def test_cookies_have_names_of_their_own(hosts: TwoHosts, passwords: dict[str, str]) -> None:
    names = {}
    for portal, base in (("console", hosts.console), ("selfservice", hosts.selfservice)):
        names[portal] = {cookie.name for cookie in signed_in(base, passwords, "ada").cookies}
        assert {f"{portal}-sessionid", f"{portal}-csrftoken"} <= names[portal]
    assert names["console"] & names["selfservice"] <= {"django_language"}


def test_the_sign_in_page_says_where_one_is(hosts: TwoHosts) -> None:
    for base, name in ((hosts.console, "Identity Manager"), (hosts.selfservice, "Self-Service")):
        page = requests.get(f"{base}/", timeout=30).text
        assert f"<bdi>{name}</bdi>" in page


def doctor(hosts: TwoHosts) -> tuple[dict[str, Any], int]:
    """What the doctor of Identity Manager's host says, and how it ends."""
    own = {
        "PORTALS": "console",
        "KEYS_PRIVATE_KEYS": "",
        "KEYS_ARCHIVE": "",
        "KEYS_RECOVERY": "",
        "KEYS_SHARE_TRANSPORT": "",
        "KEYS_PASSPHRASES": "",
        "CA_PASSPHRASE_FILE": "",
    }
    outcome = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        env=hosts.variables(hosts.console_port, **own),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(outcome.stdout), outcome.returncode


def test_the_doctor_finds_everything_in_order(hosts: TwoHosts) -> None:
    """In the environment of Identity Manager, which holds fewer keys than the workers."""
    deadline = time.monotonic() + 60  # until beat and worker have run their first jobs
    report, code = doctor(hosts)
    while any(finding["level"] != "ok" for finding in report["findings"]) and time.monotonic() < deadline:
        time.sleep(2)
        report, code = doctor(hosts)
    assert [finding for finding in report["findings"] if finding["level"] != "ok"] == []
    assert (report["ok"], code) == (True, 0)
    says = " ".join(finding["says"] for finding in report["findings"])
    assert f"{hosts.console} answers." in says
    assert f"{hosts.selfservice} answers." in says
    assert "those of the web process of Identity Manager" in says


def test_the_menu_leads_across(hosts: TwoHosts, passwords: dict[str, str]) -> None:
    page = signed_in(hosts.console, passwords, "ada").get(f"{hosts.console}/", timeout=30).text
    links = re.findall(r'href="(http://localhost[^"]*)"', page)
    assert set(links) <= {f"{hosts.selfservice}/my/"}
