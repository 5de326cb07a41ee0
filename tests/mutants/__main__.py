"""`make mutants N=300 SEED=1`: try mutants out; print those that no test notices. README.md says more."""

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutants.covering import Covering, Recorder
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.trials import Trials

ROOT = Path(__file__).resolve().parent.parent.parent
PLACE = ROOT / "var" / "mutants"
TARGETS = (
    "identity_manager/workflow/**/*.py",
    "identity_manager/vault/*.py",
    "identity_manager/account/*.py",
    "identity_manager/transactions/*.py",
    "identity_manager/people/*_policy.py",
    "ca_bridge/x509/verification.py",
)
TESTS = ("identity_manager", "selfservice", "ca_bridge", "journeys", "kill_points")


def main() -> int:
    options = _parsed()
    PLACE.mkdir(parents=True, exist_ok=True)
    covering = PLACE / "covering.json"
    if options.map:
        _pytest(Recorder(ROOT, covering), options.tests)
        return 0
    if not covering.exists():
        sys.stdout.write("Looking which tests run which functions; this takes some minutes.\n")
        # A second run in one process would meet what the first has left.
        subprocess.run(
            [sys.executable, "-m", "tests.mutants", "--map", "--tests", *options.tests], cwd=ROOT, check=True
        )
    trials = Trials(
        _chosen(options),
        Covering(covering),
        ROOT,
        limit=options.limit,
        until=time.monotonic() + options.minutes * 60,
    )
    _pytest(trials, options.tests, "--capture=no")
    return _told(trials.outcomes)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutants of the code that no test notices.")
    parser.add_argument("--number", type=int, default=300, help="how many are tried")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--minutes", type=float, default=60, help="when it stops in any case")
    parser.add_argument("--limit", type=float, default=60, help="seconds for one")
    parser.add_argument("--only", default="", help="a part of path, line and function: those alone")
    parser.add_argument("--map", action="store_true", help="look anew which tests run which functions")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="folders and files of tests")
    return parser.parse_args()


def _chosen(options: argparse.Namespace) -> list[Mutant]:
    modules = sorted({path for pattern in TARGETS for path in ROOT.glob(pattern)})
    every = [mutant for path in modules if "diagram" not in path.parts for mutant in mutants_of(path, ROOT)]
    if options.only:
        return [mutant for mutant in every if options.only in str(mutant)]
    return random.Random(options.seed).sample(every, min(options.number, len(every)))  # noqa: S311 no secret


def _pytest(plugin: object, tests: Sequence[str], *more: str) -> None:
    folders = [str(ROOT / "tests" / name) for name in tests]
    pytest.main(["-q", "-m", "not long and not nightly", *more, *folders], plugins=[plugin])


def _told(outcomes: list[tuple[Mutant, str]]) -> int:
    alive = [mutant for mutant, outcome in outcomes if outcome in ("SURVIVED", "untested", "broken")]
    told = f"\n{len(outcomes)} mutants, {len(outcomes) - len(alive)} noticed by a test, {len(alive)} not:\n"
    sys.stdout.write(told + "".join(f"{mutant}\n" for mutant in alive))
    return 0


if __name__ == "__main__":
    sys.exit(main())
