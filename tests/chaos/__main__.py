"""`make chaos`: the road under fire, on both engines, and the verdict.

    python -m tests.chaos [--number 200] [--engine postgresql sqlite] [--seed 1] [--first-tokens] [--pauses 2]

The number is shared by the engines. Everything listens on the loopback or on sockets of the run's own
directory, which is removed at the end unless something is wrong.
"""

import argparse
import json
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.faults import table
from tests.chaos.place import ROOT
from tests.chaos.verdict import last_line
from tests.performance import processes

ENGINES = ("postgresql", "sqlite")
SHOWN = 20  # findings of a kind
LOG_END = 2_000  # characters
WRONG = ("lost", "double", "wrong")  # findings that fail the run


def main() -> int:
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # the run is then ended, too
    say(f"SEED={options.seed} N={options.number} ENGINE={','.join(options.engine)} PAUSES={options.pauses:g}")
    reports = [run(engine, number, options) for engine, number in shares(options).items()]
    injected: Counter[tuple[str, str]] = Counter()
    for report in reports:
        injected.update({(place, fault): number for place, fault, number in report["injected"]})
    say(table(injected))
    for report in reports:
        describe(report)
    verdicts = [report["verdict"] for report in reports]
    say(last_line(*verdicts))
    is_wrong = any(each[kind] for each in verdicts for kind in WRONG)
    ended = sum(len(each["parked"]) + len(each["finished"]) for each in verdicts)
    return 1 if is_wrong or ended != options.number else 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description="The road under fire.")
    parser.add_argument("--number", type=int, default=200, help="of persons, all engines together")
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--first-tokens", action="store_true", help="nobody revokes, renews or recovers one")
    parser.add_argument(
        "--pauses", type=float, default=1, help="so many times as long between what is killed or taken away"
    )
    return parser.parse_args()


def shares(options: argparse.Namespace) -> dict[str, int]:
    """How many persons each engine gets."""
    least, more = divmod(options.number, len(options.engine))
    return {engine: least + (position < more) for position, engine in enumerate(options.engine)}


def run(engine: str, number: int, options: argparse.Namespace) -> dict[str, Any]:
    """One run as a process of its own; its directory stays where something was wrong."""
    directory = Path(tempfile.mkdtemp(prefix="im-chaos-"))
    out = directory / "report.json"
    wishes = ["--engine", engine, "--number", str(number), "--seed", str(options.seed)]
    wishes += ["--pauses", str(options.pauses), *(["--first-tokens"] if options.first_tokens else [])]
    places = ["--directory", str(directory / "i"), "--out", str(out)]
    command = [sys.executable, "-m", "tests.chaos.run", *wishes, *places]
    with (directory / "driver.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stderr=log, start_new_session=True)
        try:
            process.wait()
        finally:
            processes.stop_all(process)
    if process.returncode:
        end = (directory / "driver.log").read_text(encoding="utf-8", errors="replace")[-LOG_END:]
        sys.exit(f"{end}\nIt did not come to its end; see {directory}")
    report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    if any(report["verdict"][kind] for kind in WRONG):
        say(f"What is wrong can be looked at in {directory}")
    else:
        shutil.rmtree(directory)
    return report


def describe(report: dict[str, Any]) -> None:
    """How much was looked at, why who is parked, and each finding."""
    verdict = report["verdict"]
    counted = ", ".join(f"{number} {what}" for what, number in report["counted"].items())
    say(f"\n{report['engine']}, {report['seconds']:.0f} s: {counted}")
    for reason, number in Counter(verdict["parked"].values()).items():
        say(f"  parked {number}: {reason}")
    for kind in WRONG:
        for sentence in verdict[kind][:SHOWN]:
            say(f"  {kind.upper()}: {sentence}")


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
