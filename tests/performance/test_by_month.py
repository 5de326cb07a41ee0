"""The benchmark of the audit log by month runs, and leaves the disk as it was. Its times are not tested."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from identity_manager.audit import Event
from tests.performance import by_month, events_by_month, place

MEASURED = {
    *("append_ms", "append_p95_ms", "sealed_per_s", "verified_per_s"),
    *("dropped_events", "drop_seconds", "locked_ms"),
    *("history_newest_ms", "history_of_one_kind_ms", "history_of_a_request_ms"),
    *("bytes_per_event", "server_gb", "filling_seconds"),
}


def test_it_refuses_to_fill_the_disk(tmp_path: Path) -> None:
    options = by_month.arguments(["--place", str(tmp_path / "new")])

    with pytest.raises(SystemExit, match="and 12 GB have to stay free"):
        by_month.look_at_the_disk(options, 1_000_000_000_000)
    options.least_free_gb = 0
    by_month.look_at_the_disk(options, 1)


def test_it_fills_the_log_with_events_of_the_product() -> None:
    assert set(events_by_month.NAMES) <= {each.value for each in Event}


def test_it_removes_nothing_that_was_there_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        by_month.arguments(["--place", str(tmp_path)])
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("now", [datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 31, 23, tzinfo=UTC)])
def test_the_present_month_is_the_last(now: datetime) -> None:
    months = events_by_month.months_until(now, 4)

    assert [f"{each:%Y-%m-%d}" for each in months] == ["2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01"]


@pytest.fixture
def ground() -> Iterator[Path]:
    """Outside of tmp_path, whose parent every start of pytest closes to the user of the PostgreSQL server."""
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


@pytest.mark.nightly
def test_it_measures_and_cleans_up(ground: Path) -> None:
    """As a shell would have it: none of what the tests have set for themselves."""
    where = ["--place", str(ground / "new"), "--least-free-gb", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.performance.by_month", "--events", "3000", "--months", "3", *where],
        cwd=place.ROOT,
        env={name: os.environ[name] for name in place.KEPT if name in os.environ},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {name for name in MEASURED if report[name] > 0} == MEASURED
    assert (report["events"], report["dropped_events"]) == (3_000, 1_000)
    assert list(ground.iterdir()) == []
