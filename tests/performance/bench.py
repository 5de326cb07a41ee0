"""`make bench`: how quick the product is, against its goals. Prints a table and writes var/bench.json.

    SCALE=small python -m tests.performance.bench [--only road ...] [--engines postgresql sqlite] [--resume]

SCALE=small (the default) works with 20,000 rows and takes about eight minutes on two cores; SCALE=full
with 1,000,000. figures.toml says what the names mean. What was made once lies in var/bench and is used again;
each part is a process of its own, which is ended, with all that it started, when it takes too long: its
figures are then missing, and the table says why. What is measured is written down after each part; --resume
goes on after the last one that was.

Nothing here fails for being slow: on a machine that has other things to do, a time says little. So the load
is printed, and most figures are ratios of two things that were measured side by side.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from identity_manager.management.embedded import server_executable
from tests.performance import machine, place, processes
from tests.performance.figures import ENGINES, FIGURES, POSTGRESQL, value_of
from tests.performance.parts import PARTS, SCALES, STOCK, Part, Scale
from tests.tools.broker import running_broker
from tests.tools.running import free_port

ERROR_LENGTH = 400


class PartError(Exception):
    """Why a part gives no figures."""


def main() -> int:
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is then ended, too
    place.PLACE.mkdir(parents=True, exist_ok=True, mode=0o711)
    content = begun(options)
    for engine in options.engines:
        with place.postgres() if engine == POSTGRESQL else nullcontext("") as url:
            for part in (PARTS[name] for name in options.only):
                measured_already = f"{part.name} {engine}" in content["reports"]
                elsewhere = part.once and engine != options.engines[0]
                if not measured_already and not elsewhere:
                    measure(content, part, engine, url)
                    write(options.out, content)
    sys.stdout.write(table(content))
    return 0


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How quick the product is.")
    parser.add_argument("--scale", choices=SCALES, default=os.environ.get("SCALE", "small"))
    parser.add_argument("--rows", type=int, help="how many persons and requests, instead of the scale's")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--resume", action="store_true", help="keep what the last run has measured")
    parser.add_argument("--out", type=Path, default=place.ROOT / "var" / "bench.json")
    return parser.parse_args()


def begun(options: argparse.Namespace) -> dict[str, Any]:
    """What is measured already, where the last run is to go on."""
    scale = {"name": options.scale, "rows": options.rows or SCALES[options.scale].rows}
    if options.resume and options.out.exists():
        content: dict[str, Any] = json.loads(options.out.read_text(encoding="utf-8"))
        if content.get("scale") == scale:
            return content
    return {"scale": scale, "machine": machine.facts(), "figures": [], "missing": {}, "reports": {}}


def measure(content: dict[str, Any], part: Part, engine: str, url: str) -> None:
    """Run one part and put what it says into the content. url: of the engine's server, if it has one."""
    key, before, began = f"{part.name} {engine}", os.getloadavg()[0], time.monotonic()
    scale = Scale(**content["scale"])
    sys.stderr.write(f"{key} ...\n")
    content["missing"].pop(key, None)
    content["figures"] = [each for each in content["figures"] if each["part"] != key]
    try:
        if part.wants_stock(scale, engine):
            run(STOCK, scale, engine, url)
        report = run(part, scale, engine, url)
    except PartError as error:
        content["missing"][key] = str(error)
        return
    took = round(time.monotonic() - began, 1)
    load = {"load_before": before, "load_after": os.getloadavg()[0], "took_seconds": took}
    content["reports"][key] = {**report, **load}
    content["figures"] += [
        {"part": key, "name": name, "engine": engine, "value": value}
        for name, value in report["figures"].items()
    ]


def run(part: Part, scale: Scale, engine: str, url: str) -> dict[str, Any]:
    """One part as a process of its own, which has the settings of its own installation. Raises PartError."""
    seconds = scale.of(*part.seconds)
    with (
        tempfile.TemporaryDirectory(prefix="im-bench-") as directory,
        environment_of(part, scale, engine, url) as environment,
    ):
        out = Path(directory) / "report.json"
        log = Path(environment["VAR_DIR"]) / f"{part.name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                part.command(scale, out),
                env=environment,
                cwd=place.ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise PartError(f"ended after {seconds} s") from None
            finally:
                processes.stop_all(process)
        if process.returncode or not out.exists():
            said = log.read_text(encoding="utf-8", errors="replace").strip()
            raise PartError(said[-ERROR_LENGTH:])
        report: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return report


@contextmanager
def environment_of(part: Part, scale: Scale, engine: str, url: str) -> Iterator[dict[str, str]]:
    more = {"HTTP_PORT": str(free_port()), **part.settings}
    if engine == POSTGRESQL:
        more["DATABASE_URL"] = place.database_of_ones_own(url, part.database(scale))
    with ExitStack() as stack:
        if part.broker:
            more["BROKER_URL"] = stack.enter_context(running_broker(server_executable())).url
        yield place.environment(part.directory(scale, engine), **more)


def write(out: Path, content: dict[str, Any]) -> None:
    draft = out.with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(out)


def table(content: dict[str, Any]) -> str:
    """What people read at the end."""
    lines = [f"{'':28}{'PostgreSQL':>12}{'SQLite':>12}  {'':3}goal"]
    for figure in FIGURES:
        values = [(value_of(content, figure, engine), engine) for engine in ENGINES]
        cells = "".join(f"{figure.cell(*value, met='{} '):>12}" for value in values)
        lines.append(f"{figure.name:28}{cells}  {figure.unit:3}{figure.goal}")
    lines += [f"No figure: {key}: {why}" for key, why in content["missing"].items()]
    load = [report["load_before"] for report in content["reports"].values()]
    lines.append(f"{content['scale']['rows']:,} rows; {machine.words(content['machine'])}")
    lines.append(f"Load before each part: {min(load, default=0):.1f} to {max(load, default=0):.1f}.")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
