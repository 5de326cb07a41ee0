"""What tests share is made in one process: those of a group and those of a file stay together."""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.tools import scheduling

pytestmark = pytest.mark.nightly

SAMPLE = """
import os
import time
import pytest
{mark}
@pytest.mark.parametrize("number", range({number}))
def test(number):
    time.sleep(0.02)  # no process does all before the other has begun
    with open({place!r}, "a") as log:
        log.write("{name} " + os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""
GROUP = 'pytestmark = pytest.mark.xdist_group("chromium")'


def processes_of(folder: Path, **files: tuple[str, int]) -> dict[str, list[str]]:
    """The processes that ran the tests of each file, in the order of the tests' ends."""
    log = folder / "log"
    for name, (mark, number) in files.items():
        text = SAMPLE.format(mark=mark, number=number, place=str(log), name=name)
        (folder / f"test_{name}.py").write_text(text, encoding="utf-8")
    options = ("-p", "xdist", "-p", scheduling.__name__, "-n", "2", "--dist", "loadgroup")
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "/dev/null", *options, "--rootdir", str(folder), str(folder)],
        env={"PATH": "/usr/bin:/bin", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    found = defaultdict(list)
    for line in log.read_text(encoding="utf-8").splitlines():
        name, process = line.split()
        found[name].append(process)
    assert {name: len(ran) for name, ran in found.items()} == {name: n for name, (_, n) in files.items()}
    return found


def test_a_group_runs_in_one_process_whatever_its_files(tmp_path: Path) -> None:
    found = processes_of(tmp_path, one=(GROUP, 9), other=(GROUP, 9), alone=("", 30))
    assert len({*found["one"], *found["other"]}) == 1


def test_each_process_has_a_file_of_its_own(tmp_path: Path) -> None:
    found = processes_of(tmp_path, one=("", 30), other=("", 30))
    assert len({*found["one"][:9]}) == len({*found["other"][:9]}) == 1
    assert found["one"][0] != found["other"][0]


def test_who_has_nothing_left_helps_the_other(tmp_path: Path) -> None:
    found = processes_of(tmp_path, one=("", 100))
    assert len({*found["one"]}) == 2
