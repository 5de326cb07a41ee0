"""The whole system as it runs: its programs' arguments, its log at DEBUG, and every file that it writes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from identity_manager.demo import journey as demo
from identity_manager.demo.opening import OpenedContainer, open_container
from identity_manager.demo.pages import HtmlPage
from identity_manager.demo.visitor import Visitor, over_http
from tests.identity_manager.management.test_run import ROOT, environment, make_secrets
from tests.sinks import places, recording
from tests.sinks.forms import matrix
from tests.sinks.search import Search, Secret
from tests.sinks.test_planted import waiting_program
from tests.tools import migrated
from tests.tools.running import free_port

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs_program("openssl"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]
READY_SECONDS = 180
QUIET_SECONDS = 30
# Of the web processes, of the worker, of the sealer, of the bridge, of the key pool, and of what is sent.
COUNTED = (
    b'identity_manager_processes{kind="web"} 2.0',
    b'identity_manager_processes{kind="worker"} 1.0',
    b'identity_manager_http_requests_total{method="POST",status="302",view="selfservice:terms"} 2.0',
    b'identity_manager_events_total{event="request.completed"} 2.0',
    b'identity_manager_task_seconds_count{task="road.issue_certificate"}',
    b'identity_manager_ca_call_seconds_count{ca="corporate",call="ask",outcome="issued"}',
    b'identity_manager_key_pool_keys{algorithm="rsa-3072"}',
    b'identity_manager_mail_outcomes_total{outcome="sent"}',
)
TOKENS = 3  # VPN and S/MIME by the standard flow, Authentication by the option


class Learned:
    """The secrets of the walk, as those learn them who may: from the pages, and from the opened files."""

    def __init__(self) -> None:
        self.shown: set[str] = set()
        self.keys: list[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = []

    def visitor(self, base_url: str) -> Visitor:
        learned = self

        class Attentive(Visitor):
            def _arrive(self, page: HtmlPage) -> HtmlPage:
                learned.shown.update(page.outputs)
                return super()._arrive(page)

        return Attentive(base_url, over_http())

    def open(self, content: bytes, *, file_name: str, passphrase: str, root: bytes) -> OpenedContainer:
        """As the walk opens a container; who can open it has the key."""
        opened = open_container(content, file_name=file_name, passphrase=passphrase, root=root)
        key, _certificate, _issuers = load_key_and_certificates(content, passphrase.encode())
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        self.keys.append(key)
        return opened

    def search(self) -> Search:
        shown = [Secret.passphrase(text, name=f"shown {n}") for n, text in enumerate(sorted(self.shown))]
        return Search([*shown, *(Secret.key(key, name=f"key {n}") for n, key in enumerate(self.keys))])


@contextmanager
def running(var: Path, port: int, log: Path) -> Iterator[None]:
    """The embedded installation, started as `make run` does, every logger at DEBUG."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            env=environment(var, port) | {"LOG_LEVEL": "DEBUG"},
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + READY_SECONDS
            while b"Ctrl-C stops everything." not in log.read_bytes():
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, "it did not start"
                time.sleep(0.2)
            yield
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.wait(timeout=60)


@contextmanager
def sampled_command_lines() -> Iterator[set[bytes]]:
    """The arguments of all programs of this machine, looked at again and again meanwhile."""
    lines: set[bytes] = set()
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.01):
            lines.update(recording.command_lines())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield lines
    finally:
        done.set()
        thread.join()


def go_both_ways(learned: Learned, var: Path, port: int) -> None:
    """One person, by the standard flow and by the option."""
    cast = json.loads((var / "secrets" / "demo-cast.json").read_text(encoding="utf-8"))
    passwords = {member["username"]: member["password"] for member in cast}
    walk = demo.JourneyRunner(
        lambda: learned.visitor(f"http://localhost:{port}"), passwords, lambda _line: None
    )
    (someone,) = walk.people(1)
    walk.standard(someone)
    walk.option(someone)


def metrics_after_the_walk(port: int) -> bytes:
    """What /metrics says when all processes have told what they counted of it."""
    deadline, text = time.monotonic() + QUIET_SECONDS, b""
    while True:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://localhost:{port}/metrics", timeout=30) as answer,
        ):
            text = answer.read()  # a busy machine may reset the connection: it is asked again
        if all(sample in text for sample in COUNTED):
            return text
        assert time.monotonic() < deadline, text.decode()
        time.sleep(1)


def wait_until_the_log_is_truncated(var: Path) -> None:
    log = var / "data" / "db.sqlite3-wal"
    deadline = time.monotonic() + QUIET_SECONDS
    while log.exists() and log.stat().st_size:
        assert time.monotonic() < deadline, "the write-ahead log is never truncated"
        time.sleep(0.05)


def test_nothing_of_it_is_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    var, log, port = tmp_path / "var", tmp_path / "run.log", free_port()
    learned, planted = Learned(), matrix()["passphrase, without hyphens"]
    monkeypatch.setattr(demo, "open_container", learned.open)
    make_secrets(var)
    migrated.copied_if_kept(var / "data" / "db.sqlite3")
    with running(var, port, log):
        of_packages = {place for place in places.files_below(var) if place[0].startswith("file static/")}
        with sampled_command_lines() as lines:
            child = waiting_program(planted.written)
            go_both_ways(learned, var, port)
            child.communicate()
        counted = metrics_after_the_walk(port)
        wait_until_the_log_is_truncated(var)
        while_running = set(places.files_below(var, but=of_packages))

    assert len([text for text in learned.shown if text.count("-") == 4]) == TOKENS
    assert len([text for text in learned.shown if text.count("-") == 3]) == 1  # the sign-in code
    assert len(learned.keys) > TOKENS
    assert b" DEBUG " in log.read_bytes()
    assert any(b"gunicorn" in line for line in lines)
    search = learned.search()
    arguments = [("command line", line) for line in lines]
    assert Search([planted.secret]).all_findings(arguments)
    assert search.all_findings(arguments) == []
    assert search.findings("the log", log.read_bytes()) == []
    assert search.findings("metrics", counted) == []
    assert search.all_findings(while_running) == []
    assert search.all_findings(places.files_below(var, but=of_packages | while_running)) == []
