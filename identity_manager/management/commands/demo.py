"""manage.py demo: the seven steps as a program, through the pages of a running system."""

import json
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from identity_manager.demo import cast
from identity_manager.demo.journey import Journey, JourneyRunner, Someone
from identity_manager.demo.opening import DoesNotOpenError
from identity_manager.demo.pages import NotOnThePageError
from identity_manager.demo.visitor import Visitor, over_http
from identity_manager.management import embedded

START_SECONDS = 180
STOP_SECONDS = 60
TROUBLE = (NotOnThePageError, DoesNotOpenError, requests.RequestException, LookupError)


class Command(BaseCommand):
    """Walks N persons through each flow and opens every file that they get."""

    help = (
        "Gives tokens to N persons by each way, through the portals' pages, and opens every delivered file."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("-n", "--persons", type=int, default=5, help="persons by each flow (5)")
        parser.add_argument("--json", type=Path, metavar="PATH", help="write a report")

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.EMBEDDED:
            raise CommandError("This belongs to the embedded mode; DEPLOYMENT says production.")
        with _running_system(self.stdout.write):
            journeys = self._walk(options["persons"])
        self._conclude(journeys, options["json"])

    def _walk(self, count: int) -> list[Journey]:
        try:
            passwords = {
                member["username"]: member["password"] for member in json.loads(cast.path().read_text())
            }
            walk = JourneyRunner(
                lambda: Visitor(settings.CONSOLE_BASE_URL, over_http()), passwords, self.stdout.write
            )
            people = walk.people(count)
        except (*TROUBLE, OSError) as error:
            raise CommandError(f"The demo cannot begin: {error}") from error
        standard = [self._one(walk.standard, someone, "standard") for someone in people]
        arrived = [each for each, journey in zip(people, standard, strict=True) if not journey.error]
        return standard + [self._one(walk.option, someone, "option") for someone in arrived]

    def _one(self, way: Callable[[Someone], Journey], someone: Someone, flow: str) -> Journey:
        try:
            return way(someone)
        except TROUBLE as error:
            self.stderr.write(f"{flow}: {someone.name}: {error}")
            return Journey(someone.name, flow, error=str(error))

    def _conclude(self, journeys: list[Journey], report: Path | None) -> None:
        opened = sum(len(journey.opened) for journey in journeys)
        expected = sum(journey.expected for journey in journeys)
        failed = [journey for journey in journeys if journey.error]
        if report is not None:
            content = {
                "opened": opened,
                "expected": expected,
                "journeys": [each.report() for each in journeys],
            }
            report.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        self.stdout.write(f"opened {opened} of {expected}")
        if failed or opened != expected:
            raise CommandError(f"{len(failed)} of {len(journeys)} journeys did not arrive.")


@contextmanager
def _running_system(say: Callable[[str], None]) -> Iterator[None]:
    """Use the system that runs, or start one and stop it in the end."""
    if embedded.portals_answer():
        yield
        return
    _require_that_none_runs()
    say("No system runs here: starting one.")
    log = Path(settings.VAR_DIR) / "run" / "demo.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 this program itself
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "run"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_it_answers(process, log)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=STOP_SECONDS)


def _require_that_none_runs() -> None:
    """Refuse while an installation runs that does not answer: it has another port, or is starting."""
    try:
        with embedded.running_lock():
            return
    except embedded.CannotRunError as error:
        raise CommandError(
            f"Identity Manager runs from this folder, and nothing answers at {settings.CONSOLE_BASE_URL}. "
            "Wait until it has started, or name its port: make demo HTTP_PORT=8080"
        ) from error


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not embedded.portals_answer():
        if process.poll() is not None or time.monotonic() > deadline:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise CommandError(f"The system did not start: {''.join(last)}")
        time.sleep(0.3)
