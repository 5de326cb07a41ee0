"""One trust and one proxy for every outgoing HTTPS call, with real TLS and a real proxy on this machine."""

import ast
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from pytest_django import Settings

from ca_bridge import outgoing
from ca_bridge.connection import faults
from ca_bridge.connection.http import Http, HttpOptions
from ca_bridge.connection.reply import Reply
from ca_bridge.contract import ConnectionFault
from ca_bridge.errors import CaError
from tests.architecture.source import modules
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.outgoing_servers import (
    ELSEWHERE,
    error_of,
    forwarding_proxy,
    web_server,
)

pytestmark = pytest.mark.long

PAGES = {"/": b"{}"}
Call = Callable[[str], int]


def by_connection(url: str) -> int:
    found = outgoing.connect(url, seconds=5)
    found.request("GET", "/")
    return found.getresponse().status


def by_session(url: str) -> int:
    with outgoing.session() as session:
        return session.get(f"{url}/", timeout=5).status_code


@pytest.fixture(params=[by_connection, by_session])
def call(request: pytest.FixtureRequest) -> Call:
    found: Call = request.param
    return found


@pytest.fixture
def ca(tmp_path: Path) -> TestCa:
    return TestCa("Private CA", tmp_path / "ca")


@pytest.fixture
def server(ca: TestCa) -> Iterator[str]:
    with web_server(PAGES, ca.tls()) as port:
        yield f"https://127.0.0.1:{port}"


@pytest.fixture
def elsewhere(ca: TestCa) -> Iterator[str]:
    """A server whose name the proxy alone can resolve."""
    with web_server(PAGES, ca.tls(ELSEWHERE)) as port:
        yield f"https://{ELSEWHERE}:{port}"


# --- trust
def test_the_named_file_is_trusted_and_nobody_else(
    call: Call, server: str, ca: TestCa, settings: Settings, tmp_path: Path
) -> None:
    settings.TRUSTED_CA_FILE = ca.path
    assert call(server) == 200
    settings.TRUSTED_CA_FILE = TestCa("Private CA", tmp_path / "another").path
    assert faults.of_error(error_of(lambda: call(server))) == ConnectionFault.TLS_TRUST
    host = server.removeprefix("https://")
    error = error_of(lambda: call(server))
    assert faults.sentence(host, error).startswith(f"{host}: Its TLS certificate comes from nobody")


def test_without_a_file_it_is_the_system_s_store(
    call: Call, server: str, ca: TestCa, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE is OpenSSL's own word for where that store is; what requests reads counts for nothing."""
    settings.TRUSTED_CA_FILE = ""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca.path)
    monkeypatch.setenv("CURL_CA_BUNDLE", ca.path)
    assert faults.of_error(error_of(lambda: call(server))) == ConnectionFault.TLS_TRUST
    monkeypatch.setenv("SSL_CERT_FILE", ca.path)
    assert call(server) == 200


def test_what_certifi_brings_counts_for_nothing(
    server: str, ca: TestCa, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRUSTED_CA_FILE = TestCa("Private CA", tmp_path / "another").path
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", ca.path)
    with pytest.raises(requests.exceptions.SSLError):
        by_session(server)
    with outgoing.session() as session, pytest.raises(requests.exceptions.SSLError):
        session.get(server, verify=False, timeout=5)


def test_a_connection_s_own_ca_file_wins(server: str, ca: TestCa, settings: Settings, tmp_path: Path) -> None:
    settings.TRUSTED_CA_FILE = TestCa("Private CA", tmp_path / "another").path
    own = HttpOptions(url=server, chain_file=ca.path, ca_file=ca.path)
    assert Http(own).call("GET", "/").status == 200
    with pytest.raises(CaError) as caught:
        Http(HttpOptions(url=server, chain_file=ca.path)).call("GET", "/")
    assert server.removeprefix("https://") in caught.value.detail


def test_the_name_must_be_the_server_s(call: Call, elsewhere: str, ca: TestCa, settings: Settings) -> None:
    settings.TRUSTED_CA_FILE = ca.path
    assert (
        faults.of_error(error_of(lambda: call(elsewhere.replace(ELSEWHERE, "127.0.0.1"))))
        == ConnectionFault.TLS_NAME
    )


# --- the proxy
@pytest.fixture(autouse=True)
def _no_other_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the environment must have no effect."""
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")


def test_a_call_goes_through_the_proxy(call: Call, elsewhere: str, ca: TestCa, settings: Settings) -> None:
    settings.TRUSTED_CA_FILE = ca.path
    with forwarding_proxy(wants="us:a secret/word") as proxy:
        settings.HTTPS_PROXY_URL = proxy.url.replace("//", "//us:a%20secret%2Fword@")
        assert call(elsewhere) == 200
        assert proxy.asked == [elsewhere.removeprefix("https://")]


def test_a_ca_is_asked_through_the_proxy(elsewhere: str, ca: TestCa, settings: Settings) -> None:
    with forwarding_proxy() as proxy:
        settings.HTTPS_PROXY_URL = proxy.url
        options = HttpOptions(url=elsewhere, chain_file=ca.path, ca_file=ca.path)
        assert Http(options).call("GET", "/").status == 200
        assert proxy.asked


def test_behind_the_proxy_the_name_and_the_trust_are_checked(
    call: Call, elsewhere: str, ca: TestCa, settings: Settings, tmp_path: Path
) -> None:
    with forwarding_proxy() as proxy:
        settings.HTTPS_PROXY_URL = proxy.url
        settings.TRUSTED_CA_FILE = TestCa("Private CA", tmp_path / "another").path
        assert faults.of_error(error_of(lambda: call(elsewhere))) == ConnectionFault.TLS_TRUST
        settings.TRUSTED_CA_FILE = ca.path
        assert (
            faults.of_error(error_of(lambda: call(elsewhere.replace(ELSEWHERE, "other.corp.test"))))
            == ConnectionFault.TLS_NAME
        )


def test_a_proxy_that_refuses_or_is_down_is_named_without_its_password(
    call: Call, elsewhere: str, settings: Settings
) -> None:
    with forwarding_proxy(wants="us:right") as proxy:
        settings.HTTPS_PROXY_URL = proxy.url.replace("//", "//us:wrong@")
        refused = error_of(lambda: call(elsewhere))
    down = error_of(lambda: call(elsewhere))
    for error in (refused, down):
        assert faults.of_error(error) == ConnectionFault.PROXY
        assert "wrong" not in f"{error} {faults.sentence(elsewhere, error)}"
    if call is by_connection:
        assert f"127.0.0.1:{proxy.port}" in str(refused)


@pytest.mark.parametrize("entry", [ELSEWHERE, "corp.test", ".corp.test", "*"])
def test_hosts_of_no_proxy_are_reached_directly(
    call: Call, elsewhere: str, settings: Settings, entry: str
) -> None:
    with forwarding_proxy() as proxy:
        settings.HTTPS_PROXY_URL, settings.NO_PROXY = proxy.url, ["10.0.0.0/8", entry]
        assert faults.of_error(error_of(lambda: call(elsewhere))) == ConnectionFault.DNS
        assert proxy.asked == []


@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("https://10.1.2.3", True),
        ("https://11.1.2.3", False),
        ("https://[fd00::7]:8443", True),
        ("https://notcorp.test", False),
        ("https://localhost:8000", True),
        ("https://127.8.8.8", True),
        ("https://[::1]", True),
        ("http://pki.example.org", True),
        ("https://CORP.test", True),
    ],
)
def test_which_call_takes_the_proxy(settings: Settings, url: str, direct: bool) -> None:  # noqa: FBT001 pytest names it
    settings.HTTPS_PROXY_URL = "http://proxy.corp.test:3128"
    settings.NO_PROXY = ["10.0.0.0/8", "fd00::/8", "Corp.test"]
    assert (outgoing.proxy_for(url) == "") is direct


# --- words
def test_each_fault_has_its_words(call: Call, ca: TestCa) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert faults.of_error(error_of(lambda: call(f"https://127.0.0.1:{port}"))) == ConnectionFault.REFUSED
    assert faults.of_error(error_of(lambda: call("https://no-such-host.invalid"))) == ConnectionFault.DNS


# --- nobody else
MAKERS = {
    "requests": {"get", "post", "put", "head", "patch", "delete", "request", "Session", "session"},
    "http.client": {"HTTPConnection", "HTTPSConnection"},
    "urllib.request": {"urlopen", "build_opener", "Request", "urlretrieve"},
    "ssl": {"create_default_context", "SSLContext", "_create_unverified_context"},
    "urllib3": {"PoolManager", "ProxyManager", "request"},
    "django.core.mail": {"get_connection", "send_mail", "mail_admins"},
}
OURS = {
    "ca_bridge.outgoing",
    "identity_manager.mail_connection",
    "identity_manager.events.siem_connection",  # syslog over TLS, which no proxy takes
    "identity_manager.events.webhook_connection",  # to the address that was checked, so past the proxy
}
NAMED = {
    # The file is tried out when the settings are read; nobody is called.
    ("identity_manager.config.env", "ssl.create_default_context"),
    # Reads when the portals' own certificates end, also where nobody should trust them.
    ("identity_manager.jobs.portal_certificates", "ssl.create_default_context"),
}


def test_calls_are_made_in_one_place() -> None:
    """Whoever called by themselves would trust other CAs, or go past the proxy."""
    found = {
        (module.name, name)
        for module in modules()
        if module.name not in OURS
        for name in _makers(module.tree)
    }
    assert found == NAMED


def _makers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            package, _dot, name = ast.unparse(node.func).rpartition(".")
            if name in MAKERS.get(package, ()):
                yield f"{package}.{name}"
        if isinstance(node, ast.ImportFrom):
            yield from (
                f"{node.module}.{alias.name}"
                for alias in node.names
                if alias.name in MAKERS.get(str(node.module), ())
            )


def test_a_context_verifies() -> None:
    found = outgoing.context()
    assert (found.check_hostname, found.verify_mode) == (True, ssl.CERT_REQUIRED)


@pytest.mark.parametrize(
    ("status", "fault"),
    [(401, ConnectionFault.CREDENTIALS), (503, ConnectionFault.BUSY), (404, ConnectionFault.ADDRESS)],
)
def test_what_a_ca_answers_names_its_host(status: int, fault: ConnectionFault) -> None:
    """A wrong password, a CA that is out of service, a wrong path: an operator reads where, and what."""
    reply = Reply(status, {}, b"no", in_doubt=False, host="ca.example.org:8443")
    error = reply.not_taken()
    assert error.detail == f"ca.example.org:8443: HTTP {status} no"
    assert faults.of_error(error) == fault
