"""The supervisor, with real programs and real signals: it leaves nothing running, however it ends."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from identity_manager.management.supervisor import Program, StartError, Supervisor

pytestmark = pytest.mark.long

SCRIPT = "tests.identity_manager.management.supervised"


Supervised = Callable[..., AbstractContextManager[subprocess.Popen[str]]]


@pytest.fixture(params=[pytest.param("stays", marks=pytest.mark.nightly), "hands-over"])
def supervised(request: pytest.FixtureRequest) -> Supervised:
    """Starts programs by name, watched by the process that started them or by what it leaves them to."""

    @contextmanager
    def started(*names: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [sys.executable, "-m", SCRIPT, request.param, *names],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    return started


def read_pids(process: subprocess.Popen[str], count: int) -> list[int]:
    """The ids that the programs print of themselves and their children."""
    pids: list[int] = []
    assert process.stdout is not None
    while len(pids) < count:
        line = process.stdout.readline()
        assert line, "the supervisor ended too early"
        pids += map(int, re.findall(r"pid (\d+)", line))
    return pids


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be collected does not."""
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" not in status.read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_gone(pids: list[int], seconds: float = 5) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(supervised: Supervised, number: signal.Signals) -> None:
    with supervised("sleeper", "sleeper") as process:
        pids = read_pids(process, 2)
        assert all(map(alive, pids))

        process.send_signal(number)

        assert process.wait(timeout=10) == 0
        assert wait_until_gone(pids) == []


def test_a_program_that_ignores_the_signal_is_killed_with_its_children(supervised: Supervised) -> None:
    with supervised("stubborn") as process:
        pids = read_pids(process, 2)

        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=10) == 0
        assert wait_until_gone(pids) == []


def test_a_second_signal_does_not_wait(supervised: Supervised) -> None:
    with supervised("stubborn", "stubborn", "stubborn") as process:
        pids = read_pids(process, 6)
        process.send_signal(signal.SIGINT)
        time.sleep(0.7)
        began = time.monotonic()

        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=10) == 0
        assert time.monotonic() - began < 1.5, "three programs may take a second each when asked once"
        assert wait_until_gone(pids) == []


def test_a_program_that_ends_takes_the_others_with_it_and_is_named(supervised: Supervised) -> None:
    with supervised("sleeper", "quitter") as process:
        pids = read_pids(process, 2)

        output, _ = process.communicate(timeout=10)

        assert process.returncode == 1
        assert "quitter ended by itself with status 3. Its last lines:" in output
        assert output.rstrip().endswith("\n  no newline")
        assert "quitter| no newline" in output
        assert wait_until_gone(pids) == []


@pytest.mark.skipif(
    sys.platform != "linux", reason="other kernels do not tell children of their parent's end"
)
def test_killed_without_a_word_it_takes_its_programs_along(supervised: Supervised) -> None:
    with supervised("sleeper", "sleeper") as process:
        pids = read_pids(process, 2)

        process.kill()

        assert wait_until_gone(pids) == []


def test_a_program_that_is_never_ready_is_named(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start(Program("slow", (sys.executable, "-c", "import time; time.sleep(60)"), os.environ))
    pid = supervisor._running[0].process.pid
    try:
        with pytest.raises(StartError, match=r"The slow one was not ready after 1 seconds\."):
            supervisor.wait_until(lambda: False, what="The slow one", seconds=1)
    finally:
        supervisor.stop()
    assert not alive(pid)


def test_what_is_not_relayed_is_told_in_part_when_it_ends(tmp_path: Path) -> None:
    """Its last lines, and nothing before."""
    output = io.StringIO()
    supervisor = Supervisor(tmp_path, output=output)
    code = "for number in range(100): print('line', number)\nraise SystemExit(4)"
    supervisor.start(Program("quiet", (sys.executable, "-c", code), os.environ, relayed=False))
    try:
        with pytest.raises(StartError) as caught:
            supervisor.wait_until(lambda: False, what="The quiet one", seconds=10)
    finally:
        supervisor.stop()
    first, *lines = str(caught.value).splitlines()
    assert first == "quiet ended by itself with status 4. Its last lines:"
    assert lines == [f"  line {number}" for number in range(85, 100)]
    assert output.getvalue() == ""


def test_a_program_that_ended_in_silence_is_said_to_have_written_nothing(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    supervisor.start(Program("mute", (sys.executable, "-c", "raise SystemExit(5)"), os.environ))
    try:
        with pytest.raises(StartError, match=r"^mute ended by itself with status 5\. It wrote nothing\.$"):
            supervisor.wait_until(lambda: False, what="The mute one", seconds=10)
    finally:
        supervisor.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_left_to_watch_has_no_product_in_memory(tmp_path: Path) -> None:
    """60 MB of each make run were the supervisor's models, views and settings."""
    process = subprocess.Popen(
        [sys.executable, "-m", SCRIPT, "hands-over", "sleeper"], stdout=subprocess.PIPE, text=True
    )
    try:
        (pid,) = read_pids(process, 1)
        deadline = time.monotonic() + 10
        while b"supervisor.py" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert alive(pid), "what it watches is the same program as before"
        mapped = Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8")
        assert "site-packages" not in mapped
    finally:
        process.terminate()
        assert process.stdout is not None
        assert process.stdout.read().endswith("Stopped.\n")
        assert process.wait(timeout=10) == 0
