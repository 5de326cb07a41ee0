"""The benchmarks run. How quick they find the product is not tested: this machine may have other work."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.performance import document, place
from tests.performance.bench import table
from tests.performance.figures import FIGURES, POSTGRESQL, SQLITE
from tests.performance.parts import PARTS, of_road, percentile
from tests.performance.query_mix import MIX

KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


def ran(out: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    """As a shell would have it: none of what the tests have set for themselves."""
    code = (
        "import sys, pathlib; from tests.performance import place;"
        f"place.PLACE = pathlib.Path({str(out.parent / 'bench')!r});"
        "from tests.performance import bench; sys.exit(bench.main())"
    )
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--engines", "sqlite", "--out", str(out)],
        cwd=place.ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(out.read_text(encoding="utf-8"))


@pytest.mark.nightly
def test_the_search_is_measured_among_what_is_stored(tmp_path: Path) -> None:
    said, report = ran(tmp_path / "bench.json", "--only", "search", "--rows", "400")

    assert "400 rows" in said
    assert report["missing"] == {}
    search = report["reports"]["search sqlite"]
    assert len(search["queries"]) == len(MIX)
    stock = search["stock"]
    assert stock["identity_manager_tokenrequest"] > 290
    assert stock["identity_manager_certificate"] > 3 * 280
    assert stock["identity_manager_auditevent"] > 10 * 280
    assert [each["name"] for each in report["figures"]] == ["search_p95_ms"]


def test_percentiles_are_values_that_were_measured() -> None:
    samples = [float(number) for number in range(1, 21)]

    assert (percentile(samples, 50), percentile(samples, 95), percentile([3.0], 95)) == (10, 19, 3)


def test_the_road_is_compared_with_the_loop_that_had_as_many_cores() -> None:
    def run(processes: int, road: float, bare: float) -> dict[str, Any]:
        sides = {name: {"tokens": 10, "seconds": s, "cpu": s} for name, s in (("road", road), ("bare", bare))}
        return {"algorithm": "ec-p256", "processes": processes, **sides}

    rsa = {**run(1, 2.0, 1.9), "algorithm": "rsa-3072"}
    values = of_road({"runs": [run(1, 1.0, 0.8), rsa, run(2, 0.5, 0.4)], "memory_worker_mb": 150.0})

    assert values["p256_ratio"] == pytest.approx(0.8)
    assert values["rsa3072_ratio"] == pytest.approx(0.95)
    assert values["road_overhead_ms"] == pytest.approx(20)
    assert values["two_workers_ratio"] == pytest.approx(1.0)
    assert values["memory_worker_mb"] == 150


def test_a_figure_says_whether_its_goal_is_met() -> None:
    by_name = {figure.name: figure for figure in FIGURES}

    assert by_name["p256_ratio"].is_met(0.7, SQLITE) is True
    assert by_name["p256_ratio"].is_met(0.69, SQLITE) is False
    assert by_name["search_p95_ms"].is_met(40, POSTGRESQL) is False
    assert by_name["search_p95_ms"].is_met(40, SQLITE) is True
    assert by_name["road_overhead_ms"].is_met(40, SQLITE) is None


def test_each_figure_comes_from_a_part() -> None:
    assert {figure.part for figure in FIGURES} == set(PARTS)


def test_the_table_says_what_is_missed_and_what_is_missing() -> None:
    content = {
        "scale": {"name": "small", "rows": 20},
        "machine": dict.fromkeys(
            ("cores", "processor", "memory_gb", "system", "python", "django", "measured_on"), "x"
        ),
        "figures": [{"part": "road sqlite", "name": "p256_ratio", "engine": "sqlite", "value": 0.5}],
        "missing": {"road postgresql": "ended after 3 s"},
        "reports": {},
    }
    said = table(content)

    assert re.search(r"p256_ratio +- +0.50!  +>= 0.7", said)
    assert "No figure: road postgresql: ended after 3 s" in said


def test_the_page_has_the_names_of_the_bench() -> None:
    text = document.PAGE.read_text(encoding="utf-8")

    in_table = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", text, flags=re.MULTILINE)
    assert in_table == [(figure.name, figure.goal_words) for figure in FIGURES]
    assert [figure.meaning for figure in FIGURES if figure.meaning not in text] == []
    assert document.INTRODUCTION in text
