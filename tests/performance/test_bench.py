"""The benchmarks run. How quick they find the product is not tested: this machine may have other work."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.performance import compare, document, place, road, road_run
from tests.performance.bench import table
from tests.performance.figures import FIGURES, GOAL, POSTGRESQL, SQLITE
from tests.performance.parts import PARTS
from tests.performance.query_mix import MIX
from tests.performance.timing import percentile
from tests.upgrade.releases import recorded

pytestmark = pytest.mark.nightly

MACHINE = dict.fromkeys(("cores", "processor", "memory_gb", "system", "python", "django", "measured_on"), "x")
NOTHING_MEASURED: dict[str, Any] = {
    "scale": {"name": "small", "rows": 20},
    "machine": MACHINE,
    "figures": [],
    "missing": {},
    "reports": {},
}


def ran(out: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    """As a shell would have it: none of what the tests have set for themselves."""
    code = (
        "import sys, pathlib; from tests.performance import place;"
        f"place.PLACE = pathlib.Path({str(out.parent / 'bench')!r});"
        "from tests.performance import bench; sys.exit(bench.main())"
    )
    environment = {name: os.environ[name] for name in place.KEPT if name in os.environ}
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


def test_the_search_is_measured_among_what_is_stored(tmp_path: Path) -> None:
    said, report = ran(tmp_path / "bench.json", "--only", "search", "--rows", "400")

    assert "400 rows" in said
    assert report["missing"] == {}
    search = report["reports"]["search sqlite"]
    assert len(search["queries"]) == len(MIX)
    assert search["words"] > 100, "without words of names nothing is meant by a typo"
    stock = search["stock"]
    assert stock["identity_manager_tokenrequest"] > 290
    assert stock["identity_manager_certificate"] > 3 * 280
    assert stock["identity_manager_auditevent"] > 10 * 280
    assert [each["name"] for each in report["figures"]] == ["search_p95_ms"]


def test_percentiles_are_values_that_were_measured() -> None:
    samples = [float(number) for number in range(1, 21)]

    assert (percentile(samples, 50), percentile(samples, 95), percentile([3.0], 95)) == (10, 19, 3)


@pytest.mark.parametrize(
    ("tokens", "number", "found"),
    [(1440, 1, [120] * 12), (2880, 2, [240] * 12), (100, 1, [34, 33, 33]), (2, 1, [1, 1, 0])],
)
def test_the_road_and_the_loop_take_turns_in_blocks(tokens: int, number: int, found: list[int]) -> None:
    assert road.blocks(tokens, number) == found


def test_the_road_is_compared_with_the_loop_that_had_as_many_cores() -> None:
    def run(processes: int, of_road: float, of_bare: float) -> dict[str, Any]:
        sides = {
            name: {"tokens": 10, "seconds": s, "cpu": s, "database_cpu": 0.1}
            for name, s in (("road", of_road), ("bare", of_bare))
        }
        return {"algorithm": "ec-p256", "processes": processes, "ratios": [of_bare / of_road], **sides}

    rsa = {**run(1, 2.0, 1.9), "algorithm": "rsa-3072"}
    values = road.figures([run(1, 1.0, 0.8), rsa, run(2, 0.5, 0.4)])

    assert values["p256_ratio"] == pytest.approx(0.8)
    assert values["rsa3072_ratio"] == pytest.approx(0.95)
    assert values["road_overhead_ms"] == pytest.approx(20)
    assert (values["token_worker_ms"], values["token_database_ms"]) == (pytest.approx(90), pytest.approx(10))
    assert values["two_workers_ratio"] == pytest.approx(1.0)


def test_one_block_beside_other_work_does_not_decide_the_ratio() -> None:
    both = road_run.Compared("ec-p256", 1, 120)
    for seconds in (1.0, 9.0, 1.25):
        both.add(road_run.Side(40, seconds, 1.0), road_run.Side(40, 1.0, 1.0))

    assert road.ratio(both.report()) == pytest.approx(0.8)
    assert both.report()["road"]["tokens"] == 120


def test_a_figure_says_whether_its_goal_is_met() -> None:
    by_name = {figure.name: figure for figure in FIGURES}

    assert by_name["rsa3072_ratio"].is_met(0.93, SQLITE) is True
    assert by_name["rsa3072_ratio"].is_met(0.92, SQLITE) is False
    assert by_name["search_p95_ms"].is_met(40, POSTGRESQL) is False
    assert by_name["search_p95_ms"].is_met(40, SQLITE) is True
    assert by_name["p256_ratio"].is_met(0.1, SQLITE) is None


def test_each_goal_can_be_read() -> None:
    assert {GOAL.sub("", figure.goal) for figure in FIGURES} == {"", ", "}


def test_each_figure_comes_from_a_part() -> None:
    assert {figure.part for figure in FIGURES} == set(PARTS)


def test_the_table_says_what_is_missed_and_what_is_missing() -> None:
    content = {
        **NOTHING_MEASURED,
        "figures": [{"part": "road sqlite", "name": "rsa3072_ratio", "engine": "sqlite", "value": 0.5}],
        "missing": {"road postgresql": "ended after 3 s"},
    }
    said = table(content)

    assert re.search(r"rsa3072_ratio +- +0.50!  +>= 0.93", said)
    assert "No figure: road postgresql: ended after 3 s" in said


def test_a_comparison_says_both_sides_and_what_is_missed() -> None:
    content = {
        "base": "1f5bfc60",
        "rounds": 3,
        "rows": 20,
        "machine": MACHINE,
        "samples": {
            "road_per_s sqlite": {"base": [9.0, 1.0, 10.0], "here": [14.0, 12.0, 11.0]},
            "pages_per_s sqlite": {"base": [200.0], "here": [169.0]},
            "idle_cpu_s postgresql": {"here": [1.6]},
            "p256_ratio sqlite": {"base": [0.5], "here": [0.4]},
        },
    }
    lines = {
        line.split()[0]: line for line in compare.table(content).splitlines() if line.split()[0] != "base"
    }

    assert re.search(r"sqlite +9.00 +12.0 +1.33 +>= 1.3 x base$", lines["road_per_s"])
    assert re.search(r"sqlite +200 +169 +0.84 +>= 0.85 x base !$", lines["pages_per_s"])
    assert re.search(r"postgresql +- +1.60 +- +<= 1.5 !$", lines["idle_cpu_s"])
    assert re.search(r"sqlite +0.50 +0.40 +0.80$", lines["p256_ratio"])


def test_a_commit_is_measured_by_its_own_bench(tmp_path: Path) -> None:
    """Whose parts are those that its own code names."""
    with compare.sides("HEAD") as (base, here):
        assert base.root != here.root == place.ROOT
        assert (base.root / "manage.py").is_file()
        assert {"road", "pages"} <= base.parts
        left = base.root
    assert not left.exists()


def test_a_recorded_release_stands_in_for_this_commit() -> None:
    (newest, *_older) = reversed(recorded())
    with compare.sides("HEAD", compare.commit_of(newest.version)) as (base, here):
        assert len({base.root, here.root, place.ROOT}) == 3
        assert f'version = "{newest.version}"' in (here.root / "pyproject.toml").read_text(encoding="utf-8")


def test_the_page_has_the_names_of_the_bench() -> None:
    text = document.PAGE.read_text(encoding="utf-8")

    in_table = re.findall(r"^\| `(\w+)` \|.*\| ([^|]*) \|$", text, flags=re.MULTILINE)
    assert in_table == [(figure.name, figure.goal) for figure in FIGURES]
    assert f"\n## What they mean\n\n{document.meanings()}\n## " in text


def test_only_the_figures_of_the_page_are_replaced() -> None:
    text = document.PAGE.read_text(encoding="utf-8")
    measured = {"part": "road sqlite", "name": "rsa3072_ratio", "engine": "sqlite", "value": 0.5}
    written = document.page(text, {**NOTHING_MEASURED, "figures": [measured]})

    assert "| `rsa3072_ratio` | not measured | **0.50** | >= 0.93 |" in written
    before, after = text.partition("## Figures\n")[0], text.partition("## Where goals are missed")[2]
    assert written.startswith(before)
    assert written.endswith(after)
