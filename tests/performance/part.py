"""Runs one function of the benchmarks in the installation that the environment names, and writes its report.

    python -m tests.performance.part MODULE.FUNCTION '{"persons": 100}' [--have tables] [--anew] [--out FILE]

The arguments of the function and its report are JSON. A function without a report writes what it has to say
itself. Where the environment names no installation (VAR_DIR, DATABASE_URL), one is made for the run, on
SQLite.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import django
from django.core.management import call_command

from identity_manager.management.preparation import prepare
from tests.performance import place
from tests.tools.running import free_port

DEMO, TABLES, NOTHING = "demo", "tables", "nothing"
HAVE: dict[str, Callable[[], None]] = {
    DEMO: prepare,
    TABLES: partial(call_command, "migrate", verbosity=0),
    NOTHING: lambda: None,
}


def command(function: str, *options: str, **arguments: Any) -> list[str]:
    """The command that runs a function of this package, given as MODULE.FUNCTION."""
    return [sys.executable, "-m", "tests.performance.part", function, json.dumps(arguments), *options]


def started(
    function: str,
    *options: str,
    own_session: bool = False,
    environment: dict[str, str] | None = None,
    **arguments: Any,
) -> "subprocess.Popen[str]":
    """A process that runs it, and is told and heard line by line."""
    return subprocess.Popen(
        command(function, *options, **arguments),
        env=environment,
        cwd=place.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=own_session,
    )


def tell(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def heard(process: "subprocess.Popen[str]") -> str:
    """The next line of the process, which `say` has written."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(word: str) -> None:
    """Write a line to whoever started this process and waits for it."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is then ended, too
    with installation():
        if options.anew:
            place.make_database_anew(dict(os.environ))
        django.setup()
        HAVE[options.have]()
        module, _, name = options.function.partition(".")
        report = getattr(import_module(f"tests.performance.{module}"), name)(**options.arguments)
    if report is None:
        return
    if options.out:
        options.out.write_text(json.dumps(report), encoding="utf-8")
    else:
        sys.stdout.write(json.dumps(report, indent=1) + "\n")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("function", help="of a module of tests.performance, such as enable.measured")
    parser.add_argument("arguments", nargs="?", type=json.loads, default={}, help="by name, as JSON")
    parser.add_argument(
        "--have", choices=HAVE, default=DEMO, help="what the database has before (default: the demo)"
    )
    parser.add_argument("--anew", action="store_true", help="begin with an empty database")
    parser.add_argument("--out", type=Path, help="a file for the report, instead of standard output")
    return parser.parse_args()


@contextmanager
def installation() -> Iterator[None]:
    """The one that the environment names, else one that is removed afterwards."""
    if os.environ.keys() & {"VAR_DIR", "DATABASE_URL"}:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="im-part-") as directory:
        os.environ.update(place.environment(Path(directory), HTTP_PORT=str(free_port())))
        yield


if __name__ == "__main__":
    main()
