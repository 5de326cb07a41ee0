"""`make mutants N=300 SEED=1`: try mutants out; print those that no test notices. README.md says more."""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutants.covering import Covering, Recorder
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.trials import Trials

ROOT = Path(__file__).resolve().parent.parent.parent
PLACE = ROOT / "var" / "mutants"
COVERING = PLACE / "covering.json"
TARGETS = (
    "identity_manager/workflow/**/*.py",
    "identity_manager/vault/**/*.py",
    "identity_manager/account/**/*.py",
    "identity_manager/transactions/**/*.py",
    "identity_manager/people/**/*_policy.py",
    "ca_bridge/x509/verification.py",
)
TESTS = ("identity_manager", "selfservice", "ca_bridge", "journeys", "kill_points", "sinks")
NOTICED = ("noticed", "hangs")


def main() -> int:
    options = _parsed()
    PLACE.mkdir(parents=True, exist_ok=True)
    modules = _modules()
    if options.map:
        return _pytest(Recorder(modules, ROOT, COVERING), options.tests)
    if not COVERING.exists():
        sys.stdout.write("Looking which tests run which functions; this takes some minutes.\n")
        # A second run in one process would meet what the first has left.
        subprocess.run([sys.executable, "-m", "tests.mutants", "--map"], cwd=ROOT, check=False)
    outcomes = Outcomes(PLACE / "outcomes.json")
    chosen = _chosen(options, [mutant for path in modules for mutant in mutants_of(path, ROOT)])
    trials = Trials(
        [mutant for mutant in chosen if not outcomes.are_known(mutant, noticed_only=options.again)],
        Covering(COVERING),
        ROOT,
        limit=options.limit,
        until=time.monotonic() + options.minutes * 60,
        tell=outcomes.add,
    )
    _pytest(trials, options.tests, "--capture=no")
    outcomes.report(chosen)
    return 0


class Outcomes:
    """What came of the mutants that were tried, kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, tuple[str, str]] = json.loads(file.read_text("utf-8")) if file.exists() else {}

    def are_known(self, mutant: Mutant, *, noticed_only: bool) -> bool:
        outcome, _test = self._known.get(mutant.name, ("", ""))
        return outcome in NOTICED if noticed_only else bool(outcome)

    def add(self, mutant: Mutant, outcome: str, test: str) -> None:
        self._known[mutant.name] = outcome, test
        self._file.write_text(json.dumps(self._known, indent=0), encoding="utf-8")
        sys.stdout.write(f"{outcome:10} {mutant}\n")
        sys.stdout.flush()

    def report(self, chosen: Sequence[Mutant]) -> None:
        tried = {mutant: self._known[mutant.name][0] for mutant in chosen if mutant.name in self._known}
        alive = [mutant for mutant, outcome in tried.items() if outcome not in NOTICED]
        counted = sorted(Counter(tried.values()).items())
        numbers = ", ".join(f"{number} {outcome}" for outcome, number in counted)
        sys.stdout.write(f"\n{len(tried)} of {len(chosen)} mutants tried: {numbers}\n")
        sys.stdout.writelines(f"{tried[mutant]:10} {mutant}\n" for mutant in alive)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutants of the code that no test notices.")
    parser.add_argument("--number", type=int, default=300, help="how many are tried")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("--minutes", type=float, default=60, help="when it stops in any case")
    parser.add_argument("--limit", type=float, default=60, help="seconds of tests for one")
    parser.add_argument("--only", default="", help="a part of path, line and function: those alone")
    parser.add_argument("--again", action="store_true", help="try those again that no test has noticed")
    parser.add_argument("--map", action="store_true", help="look anew which functions these tests run")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="folders and files of tests")
    return parser.parse_args()


def _modules() -> list[Path]:
    found = {path for pattern in TARGETS for path in ROOT.glob(pattern)}
    return sorted(path for path in found if "diagram" not in path.parts)


def _chosen(options: argparse.Namespace, every: list[Mutant]) -> list[Mutant]:
    """By a hash: a changed function changes the choice of its mutants alone; N=300 begins as N=40 does."""
    if options.only:
        return [mutant for mutant in every if options.only in str(mutant)]

    def order(mutant: Mutant) -> bytes:
        return hashlib.sha256(f"{options.seed} {mutant.name}".encode()).digest()

    return sorted(every, key=order)[: options.number]


def _pytest(plugin: object, tests: Sequence[str], *more: str) -> int:
    folders = [str(ROOT / "tests" / name) for name in tests]
    return pytest.main(["-q", "-m", "not nightly", *more, *folders], plugins=[plugin])


if __name__ == "__main__":
    sys.exit(main())
