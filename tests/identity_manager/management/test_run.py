"""The embedded installation as an operator has it: started, stopped, started again, forgotten."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from identity_manager.config import secret_files
from tests.tools.running import free_port, status

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parent.parent.parent.parent
READY_SECONDS = 180


def environment(var: Path, port: int) -> dict[str, str]:
    """As a shell would have it: none of what the tests have set for themselves."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "VAR_DIR": str(var), "HTTP_PORT": str(port)}


def manage(*arguments: str, var: Path, port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, env=environment(var, port), cwd=ROOT, capture_output=True, text=True, check=False
    )


def make_secrets(var: Path) -> None:
    secret_files.make(var / "secrets")


@contextmanager
def running(var: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "run"],
        env=environment(var, port),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)


def wait_for_welcome(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    text, deadline = "", time.monotonic() + READY_SECONDS
    while "Ctrl-C stops everything." not in text:
        assert time.monotonic() < deadline, text
        line = process.stdout.readline()
        assert line, f"it ended: {text}"
        text += line
    return text


def mentioning(var: Path) -> list[str]:
    """The processes whose environment or arguments name the installation's directory."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            text = (directory / "environ").read_bytes() + (directory / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(var) in text:
            found.append((directory / "cmdline").read_text(encoding="utf-8", errors="replace"))
    return found


@pytest.mark.nightly
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_run_stop_run_again_and_forget(tmp_path: Path) -> None:
    var, port = tmp_path / "var", free_port()
    make_secrets(var)

    with running(var, port) as process:
        welcome = wait_for_welcome(process)
        assert f"http://localhost:{port}/my/" in welcome
        assert status(port, "/account/login/") == 200
        assert "runs from this folder already" in manage("run", var=var, port=free_port()).stderr
        assert "runs from this folder already" in manage("reset_demo", var=var, port=port).stderr
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert mentioning(var) == []
    cast = (var / "secrets" / "demo-cast.json").read_bytes()

    with running(var, port) as process:
        began = time.monotonic()
        wait_for_welcome(process)
        assert time.monotonic() - began < 30
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert mentioning(var) == []
    assert (var / "secrets" / "demo-cast.json").read_bytes() == cast

    assert manage("reset_demo", var=var, port=port).returncode == 0
    assert [path.name for path in var.iterdir()] == []


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    make_secrets(tmp_path)
    return tmp_path


def refused(outcome: subprocess.CompletedProcess[str]) -> str:
    """The one sentence of a refusal."""
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    return outcome.stderr


def test_a_taken_port_is_one_sentence(installation: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert f"Port {port} is taken" in refused(manage("run", var=installation, port=port))


def test_a_missing_secret_is_one_sentence(tmp_path: Path) -> None:
    assert "run: make setup" in refused(manage("run", var=tmp_path, port=free_port()))


def test_a_secret_that_others_can_read_is_one_sentence(installation: Path) -> None:
    (installation / "secrets" / "kek-other").chmod(0o644)
    sentence = refused(manage("run", var=installation, port=free_port()))
    assert "run: chmod 600" in sentence


def test_a_missing_module_is_one_sentence(installation: Path) -> None:
    code = "import sys; sys.modules['django'] = None; sys.argv = ['manage.py', 'run']; import runpy;"
    outcome = subprocess.run(
        [sys.executable, "-c", f"{code} runpy.run_path('manage.py', run_name='__main__')"],
        env=environment(installation, 1),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "django is missing from this environment; run: make setup" in refused(outcome)
