"""`make bench-compare BASE=<commit>`: an older commit and this one, side by side in one run.

    python -m tests.performance.compare BASE [--of RELEASE] [--only road pages ...] [--engines sqlite]
        [--rounds 3] [--keep]

BASE is a commit or the version of a recorded release (tests/upgrade/releases.toml). --of has a recorded
release stand in for this commit. --keep writes what was measured to tests/performance/releases/VERSION.json,
with the version of that release, or of this code.

The base is checked out into a worktree that is removed afterwards. Each round runs each part of both, one
right after the other and in the other order than the round before, so that what else the machine does meets
both. Each commit brings the bench of its own; a part that the base does not have is measured here alone. Of
the rounds the median counts. Prints a table at the end; what is measured stands in var/bench-compare.json
after each part.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from identity_manager.installation import VERSION
from tests.performance import machine
from tests.performance.bench import write
from tests.performance.figures import ENGINES, FIGURES, Figure
from tests.performance.parts import PARTS
from tests.performance.place import ROOT
from tests.upgrade.releases import checked_out, recorded

BASE, HERE = "base", "here"
CHOSEN = ("statements", "road", "pages", "page_vs_admin", "idle")
# Of figures whose goal is to be at least a multiple of what the base has.
RELATIVE = {"road_per_s": 1.3, "pages_per_s": 0.85}
KEPT = Path(__file__).parent / "releases"  # the figures of each release
PARTS_OF_IT = "import json; from tests.performance.parts import PARTS; print(json.dumps(list(PARTS)))"

Samples = dict[str, list[float]]


@dataclass(frozen=True)
class Side:
    """A commit as it lies in a directory, and which parts its bench has."""

    name: str
    root: Path
    parts: frozenset[str]

    def figures(self, part: str, engine: str, rows: int) -> dict[str, float]:
        """One run of one part; nothing where it gave no figure, and standard error says why."""
        with tempfile.TemporaryDirectory(prefix="im-compare-") as directory:
            out = Path(directory) / "bench.json"
            options = ["--only", part, "--engines", engine, "--rows", str(rows), "--out", str(out)]
            command = [sys.executable, "-W", "ignore", "-m", "tests.performance.bench", *options]
            done = subprocess.run(command, cwd=self.root, stdout=subprocess.DEVNULL, check=False)
            if done.returncode or not out.exists():
                sys.stderr.write(f"{self.name} {part} {engine}: ended with {done.returncode}\n")
                return {}
            content = json.loads(out.read_text(encoding="utf-8"))
        for key, why in content["missing"].items():
            sys.stderr.write(f"{self.name} {key}: {why}\n")
        return {each["name"]: each["value"] for each in content["figures"]}


def main() -> int:
    options = parsed()
    samples: dict[str, Samples] = {}
    content = {
        "base": options.base,
        "rounds": options.rounds,
        "rows": options.rows,
        "machine": machine.facts(),
        "samples": samples,
    }
    out = ROOT / "var" / "bench-compare.json"
    with sides(commit_of(options.base), commit_of(options.of)) as both:
        for number in range(options.rounds):
            for engine in options.engines:
                for part in options.only:
                    for side in both if number % 2 else both[::-1]:
                        if part in side.parts:
                            note(samples, side, engine, side.figures(part, engine, options.rows))
                            write(out, content)
    sys.stdout.write(table(content))
    if options.keep:
        write(KEPT / f"{options.of or VERSION}.json", content)
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="An older commit and this one, side by side.")
    parser.add_argument("base", help="the commit, or the recorded release, to compare with")
    parser.add_argument("--of", default="", help="a recorded release, instead of this commit")
    parser.add_argument("--keep", action="store_true", help="keep the figures with the release of this code")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(CHOSEN))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=5000)
    return parser.parse_args()


def commit_of(base: str) -> str:
    """The commit of a recorded release; any other name is left to git."""
    return {release.version: release.commit for release in recorded()}.get(base, base)


@contextmanager
def sides(base: str, here: str = "") -> Iterator[list[Side]]:
    """The two commits. here: another one than that of this directory."""
    with checked_out(base) as place, checked_out(here) if here else nullcontext(ROOT) as present:
        yield [Side(name, root, _parts_of(root)) for name, root in ((BASE, place), (HERE, present))]


def _parts_of(root: Path) -> frozenset[str]:
    command = [sys.executable, "-c", PARTS_OF_IT]
    asked = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    (root / "var").mkdir(exist_ok=True)
    return frozenset(json.loads(asked.stdout))


def note(samples: dict[str, Samples], side: Side, engine: str, figures: dict[str, float]) -> None:
    for name, value in figures.items():
        samples.setdefault(f"{name} {engine}", {}).setdefault(side.name, []).append(value)


def kept() -> dict[str, dict[str, Any]]:
    """What --keep has written, by version, newest first."""
    files = {tuple(map(int, each.stem.split("."))): each for each in KEPT.glob("*.json")}
    newest_first = (files[version] for version in sorted(files, reverse=True))
    return {each.stem: json.loads(each.read_text(encoding="utf-8")) for each in newest_first}


def table(content: dict[str, Any]) -> str:
    """Each figure that was measured: of the base, here, one over the other, and the goal."""
    lines = [f"{'':26}{'':12}{'base':>9}{'here':>9}{'ratio':>8}  goal"]
    for figure in FIGURES:
        for engine in ENGINES:
            measured = content["samples"].get(f"{figure.name} {engine}")
            if measured:
                lines.append(_line(figure, engine, measured))
    load = f"{content['rows']:,} rows, the median of {content['rounds']} rounds; base: {content['base']}"
    return "\n".join([*lines, f"{load}; {machine.words(content['machine'])}", ""])


def _line(figure: Figure, engine: str, measured: Samples) -> str:
    before, now = (statistics.median(measured[side]) if side in measured else None for side in (BASE, HERE))
    cells = "".join(f"{figure.cell(value, engine, missed='{}'):>9}" for value in (before, now))
    ratio = f"{now / before:.2f}" if before and now is not None else "-"
    missed = "" if now is None else _missed(figure, engine, before, now)
    return f"{figure.name:26}{engine:12}{cells}{ratio:>8}  {goal_words(figure, engine)}{missed}".rstrip()


def goal_words(figure: Figure, engine: str) -> str:
    if figure.name in RELATIVE:
        return f">= {RELATIVE[figure.name]:g} x base"
    return figure.goal_on(engine)


def _missed(figure: Figure, engine: str, before: float | None, now: float) -> str:
    if figure.name in RELATIVE:
        return " !" if before and now < RELATIVE[figure.name] * before else ""
    return " !" if figure.is_met(now, engine) is False else ""


if __name__ == "__main__":
    sys.exit(main())
