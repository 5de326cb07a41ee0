"""The schedule is the same for the same seed, shared by all who come to a place, and ends when it is calm."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from tests.chaos import connectors
from tests.chaos.faults import WEIGHTS, Schedule, table
from tests.performance.place import ROOT

pytestmark = pytest.mark.nightly


def made(directory: Path, seed: int) -> Schedule:
    directory.mkdir()
    schedule = Schedule(directory)
    schedule.make(seed)
    return schedule


def test_the_same_seed_gives_the_same_faults(tmp_path: Path) -> None:
    first, second, other = (made(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))

    taken = [[schedule.take("driver") for _ in range(30)] for schedule in (first, second, other)]

    assert taken[0] == taken[1] != taken[2]


@pytest.mark.parametrize("seed", range(5))
def test_the_driver_does_each_of_its_things_before_it_repeats_one(tmp_path: Path, seed: int) -> None:
    schedule = made(tmp_path / "faults", seed)

    taken = [schedule.take("driver") for _ in WEIGHTS["driver"]]

    assert sorted(taken) == sorted(WEIGHTS["driver"])


def test_processes_share_a_place(tmp_path: Path) -> None:
    """Four processes take fifty each: no entry is taken twice, none is left out."""
    schedule = made(tmp_path / "faults", 3)
    code = (
        "import sys, pathlib; from tests.chaos.faults import Schedule;"
        "schedule = Schedule(pathlib.Path(sys.argv[1])); [schedule.take('driver') for _ in range(50)]"
    )
    command = [sys.executable, "-c", code, str(schedule.directory)]
    processes = [subprocess.Popen(command, cwd=ROOT) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4

    alone = made(tmp_path / "alone", 3)
    for _ in range(200):
        alone.take("driver")
    assert schedule.injected() == alone.injected()
    assert schedule.injected().total() == 200


def test_when_it_is_calm_nothing_goes_wrong(tmp_path: Path) -> None:
    schedule = made(tmp_path / "faults", 1)
    schedule.calm_down()

    assert {schedule.take("driver") for _ in range(50)} == {""}
    assert schedule.injected().total() == 0


def test_a_ca_issues_late_when_the_order_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = made(tmp_path / "faults", 1)
    late = {"ca.issue": ["issues after the caller gave up"]}
    (schedule.directory / "schedule.json").write_text(json.dumps(late), encoding="utf-8")
    monkeypatch.setenv("CHAOS_FAULTS", str(schedule.directory))
    order, issued = Mock(idempotency_key="c-17"), threading.Event()

    with pytest.raises(connectors.NoAnswer):
        connectors.issue_badly(order, issued.set)
    assert not issued.wait(2 * connectors.LOOK_SECONDS)

    schedule.note_search("c-17")
    assert issued.wait(20)


@pytest.mark.parametrize("place", sorted(WEIGHTS))
def test_the_table_names_each_fault(tmp_path: Path, place: str) -> None:
    schedule = made(tmp_path / "faults", 1)
    for fault in filter(None, WEIGHTS[place]):
        schedule.note(place, fault)
        assert f"{place:<10} {fault:<34} {1:>8}" in table(schedule.injected())
