"""Who is not signed in stops nobody else: half-sent and large requests, through the proxies as shipped.

The web process is ours, by its own command, with the threads that it has in production.
"""

import contextlib
import http.client
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from identity_manager.config.runtime import gunicorn as serving
from tests.architecture.source import ROOT
from tests.deploy import caddy, slow_clients, units
from tests.deploy.slow_clients import by_tls, to
from tests.deploy.test_systemd import HOST, Machine, started
from tests.tools.running import free_port

PAGES = {"/health/live": 200, "/account/login/": 200, "/pki/none.crl": 404, "/metrics": 404}
SECONDS = 5  # in which each page answers, on a machine that has something else to do as well
READY_SECONDS = 60
THREADS = 16

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the database is not what this is about"),
]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[int]:
    """The port of the web process."""
    folder, port = tmp_path_factory.mktemp("web"), free_port()
    variables = units.web_variables(folder, units.make_secrets(tmp_path_factory.mktemp("secrets")))
    variables |= {"BIND": f"127.0.0.1:{port}", "PROXY_ADDRESSES": "127.0.0.1"}
    assert int(variables["WEB_PROCESSES"]) * int(variables["WEB_THREADS"]) == THREADS
    shutil.copyfile(str(connection.settings_dict["TEST"]["NAME"]), folder / "db.sqlite3")
    collect = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(collect, cwd=ROOT, env={"PATH": os.environ["PATH"], **variables}, check=True)
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "python:identity_manager.config.runtime.gunicorn",
    ]
    with started(command, variables):
        until(partial(status, port, "/health/live", tls=False))
        yield port


@dataclass(frozen=True)
class Front:
    """A proxy that runs: its ports, and what it answers to too large a body."""

    http: int
    https: int
    refusals: frozenset[int] = frozenset({413})


@contextmanager
def caddy_front(folder: Path, web: int) -> Iterator[Front]:
    front = caddy.Front(folder, web=web, http=free_port(), https=free_port())
    with started(front.command(), front.variables(HOST)):
        # Debian's reads a body only while it passes it on, and calls what was wrong with it a bad gateway.
        older = caddy.version() < caddy.REQUEST_BUFFERS
        yield Front(front.http, front.https, frozenset({413, 502} if older else {413}))


@contextmanager
def nginx_front(folder: Path, web: int) -> Iterator[Front]:
    machine = Machine(folder, upstream=f"127.0.0.1:{web}")
    machine.make_certificate()
    with started(["nginx", "-c", str(machine.configuration())], {}):
        yield Front(machine.http_port, machine.https_port)


@pytest.fixture(
    params=[
        pytest.param(caddy_front, marks=pytest.mark.needs_program("caddy"), id="caddy"),
        pytest.param(nginx_front, marks=pytest.mark.needs_program("nginx", "openssl"), id="nginx"),
    ]
)
def front(request: pytest.FixtureRequest, tmp_path: Path, web: int) -> Iterator[Front]:
    with request.param(tmp_path, web) as running:
        until(partial(status, running.https, "/health/live"))
        yield running


def status(port: int, path: str, *, tls: bool = True, body: int = 0, method: str = "GET") -> int:
    """What is answered, within SECONDS; a body of so many bytes is sent whole."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    asking = http.client.HTTPConnection(HOST, timeout=SECONDS)
    plain = to(port)()
    plain.settimeout(SECONDS)
    asking.sock = context.wrap_socket(plain, server_hostname=HOST) if tls else plain
    try:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        asking.request(method, path, body=bytes(body) or None, headers=headers)
        return asking.getresponse().status
    finally:
        asking.close()


def until(answers: "partial[int]") -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            if answers() == http.client.OK:
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.2)


def all_answer(front: Front) -> None:
    for path, expected in PAGES.items():
        begun = time.monotonic()
        assert status(front.https, path) == expected, path
        assert time.monotonic() - begun < SECONDS, path
    assert status(front.http, "/pki/none.crl", tls=False) == 404
    assert status(front.http, "/my/", tls=False) in {301, 308}


@pytest.mark.parametrize("length", [4000, 900_000])
def test_who_sends_half_a_form_stops_nobody(front: Front, length: int) -> None:
    with slow_clients.half_sent(by_tls(front.https, HOST), HOST, "/account/login/", length=length):
        all_answer(front)


def test_who_sends_half_a_request_by_ocsp_stops_nobody(front: Front) -> None:
    with (
        slow_clients.half_sent(to(front.http), HOST, "/pki/ocsp"),
        slow_clients.half_sent(by_tls(front.https, HOST), HOST, "/pki/ocsp"),
    ):
        all_answer(front)


def test_what_is_too_large_is_refused_on_both_sites(front: Front) -> None:
    for size, expected in ((4096, {200}), (4097, front.refusals)):
        assert status(front.http, "/pki/ocsp", tls=False, body=size, method="POST") in expected
        assert status(front.https, "/pki/ocsp", body=size, method="POST") in expected
    assert status(front.https, "/account/login/", body=900_000, method="POST") == 403  # read; no form of ours
    assert answer_to_much(by_tls(front.https, HOST), 11_000_000) in front.refusals
    assert answer_to_much(to(front.http), 20_000) in front.refusals | {301, 308}


def answer_to_much(connect: slow_clients.Connect, length: int) -> int:
    """What is answered to who sends so much, maybe before all of it was sent."""
    head = f"POST /account/login/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n\r\n"
    with connect() as asking:
        with contextlib.suppress(OSError):
            asking.sendall(head.encode() + bytes(length))
        return int(asking.recv(1000).split(b" ")[1])


@pytest.mark.timeout(120)
def test_without_a_proxy_threads_are_free_again(web: int) -> None:
    """As many as there are threads wait for the rest, once and for a while."""
    path, sockets = "/account/login/", THREADS
    with slow_clients.half_sent(to(web), HOST, path, clients=sockets):
        time.sleep(serving.RECEIVE_SECONDS + 2)
        assert status(web, "/health/live", tls=False) == 200
