"""One run on one engine, in a process of its own, which has the settings of its own installation.

python -m tests.chaos.run --engine sqlite --number 100 --seed 1 --directory DIR --out FILE
"""

import argparse
import faulthandler
import json
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django

from tests.chaos import databases, place, processes
from tests.chaos.driver import Driver
from tests.chaos.faults import Schedule
from tests.chaos.verdict import last_line
from tests.tools.running import until

if TYPE_CHECKING:
    from tests.chaos.facts import Facts
    from tests.chaos.travellers import Desk, Road, Traveller

READY_SECONDS = 120
DRAIN_SECONDS = 300  # from the last fault until everybody is finished or parked, at least
DRAIN_SECONDS_EACH = 0.15  # the officers work when the fire is out: the more requests, the more wait for them
SETTLED_SECONDS = 3
FIRE_SECONDS_EACH = 5.0  # at most so long for each person is there fire
FIRE_SECONDS = 40  # at least
PROGRESS_SECONDS = 300


def main() -> None:
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    faulthandler.register(signal.SIGUSR1)  # where everybody stands, into the log
    here = place.new(options.directory)
    here.make()
    with databases.running(options.engine, options.directory) as database:
        broker = processes.broker_of(here)
        environment = here.environment(database_url=database.url, broker_url=broker.url)
        os.environ.clear()
        os.environ.update(environment, CHAOS_DRIVER="true")
        django.setup()
        report = under_fire(here, database, processes.fleet(here, environment), options)
    options.out.write_text(json.dumps(report), encoding="utf-8")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), required=True)
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--first-tokens", action="store_true")
    parser.add_argument("--pauses", type=float, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def under_fire(
    here: place.Place, database: databases.Database, fleet: processes.Fleet, options: argparse.Namespace
) -> dict[str, Any]:
    """Prepare, let everybody go while things break, let it drain, and judge."""
    from celery import current_app

    from tests.chaos import survivors, wishes
    from tests.chaos.travellers import Road, crowd, office, patiently
    from tests.chaos.visitors import Proxy

    schedule = Schedule(here.faults)
    schedule.make(options.seed)
    say = Clock(options.engine)
    prepare()
    cycle = (wishes.KEEP,) if options.first_tokens else wishes.CYCLE
    desk, travellers = office(), crowd(options.number, options.seed, cycle)
    road = Road(travellers, desk, Proxy(here.web_ports))
    say("prepared")
    try:
        fleet.start()
        until(lambda: web_answers(here), "The web process", seconds=READY_SECONDS)
        say("everything runs; the fire begins")
        burn(road, Driver(fleet, database, schedule, seed=options.seed, pauses=options.pauses), say)
        say(f"the fire is out; {road.still_open} of {options.number} are not finished yet")
        say(f"{patiently(wishes.asked_for)} renewals, replacements and recoveries were asked for in it")
        drain(road, desk)
        say("drained")
        idle = survivors.faults(fleet, current_app)
        if not web_answers(here):
            idle.append("a web process runs and does not answer")
        say("who survived works")
    finally:
        fleet.stop()
        road.close()
    report = judged(here, schedule, travellers, idle, options)
    say(last_line(report["verdict"]))
    return report | {"seconds": say.seconds}


class Clock:
    """Says how far a run is, and when."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def __call__(self, words: str) -> None:
        sys.stdout.write(f"{self._engine:<10} {self.seconds:>6.1f} s  {words}\n")
        sys.stdout.flush()


def prepare() -> None:
    """As an operator does it: tables, static files, the CA."""
    from django.core.management import call_command

    from identity_manager.management.preparation import compile_catalogues

    compile_catalogues()
    for command in ("collectstatic", "migrate", "createcachetable", "init_embedded_ca"):
        options = {"interactive": False} if command in ("collectstatic", "migrate") else {}
        call_command(command, verbosity=0, stdout=sys.stderr, **options)


def web_answers(here: place.Place) -> bool:
    import requests

    for port in here.web_ports:
        try:
            headers = {"Host": place.HOST, "X-Forwarded-Proto": "https"}
            answer = requests.get(f"http://127.0.0.1:{port}/health/ready", headers=headers, timeout=5)
        except requests.RequestException:
            return False
        if not answer.ok:
            return False
    return True


def burn(road: "Road", driver: Driver, say: Clock) -> None:
    """Until everybody has come to the end or waits for an officer, or it is enough."""
    began = said = time.monotonic()
    longest = max(FIRE_SECONDS, len(road.travellers) * FIRE_SECONDS_EACH)
    driver.start()
    try:
        while driver.is_alive() and time.monotonic() - began < longest:
            road.go_on()
            if time.monotonic() - said > PROGRESS_SECONDS:
                said = time.monotonic()
                say(f"{road.ended} of {len(road.travellers)} are finished")
            enough = time.monotonic() - began > FIRE_SECONDS
            if enough and road.all_have_begun and road.is_quiet:
                break
    finally:
        driver.stop()


def drain(road: "Road", desk: "Desk") -> None:
    """Until nothing is left to do but for officers. They do a part of it: mails and some requests again."""
    from tests.chaos import officers
    from tests.chaos.travellers import patiently

    deadline = time.monotonic() + max(DRAIN_SECONDS, len(road.travellers) * DRAIN_SECONDS_EACH)
    calm_since = time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - calm_since < SETTLED_SECONDS:
        road.go_on()
        patiently(lambda: officers.clear_the_desk(desk))
        if patiently(officers.something_is_left) or road.lively or not road.all_have_begun:
            calm_since = time.monotonic()
    patiently(officers.reconcile)


def judged(
    here: place.Place,
    schedule: Schedule,
    travellers: "list[Traveller]",
    survivors: list[str],
    options: argparse.Namespace,
) -> dict[str, Any]:
    """The facts, the verdict over them, and what was injected. survivors: what is wrong with those."""
    from tests.chaos import gathering, sinks, verdict

    passphrases = {str(token): text for each in travellers for token, text in each.passphrases.items()}
    found = gathering.gather(
        [each.person for each in travellers],
        here.received,
        passphrases,
        wishes={str(each.person.pk): each.wish for each in travellers if each.wish},
    )
    found.audit = gathering.audit_faults(here.heads)
    found.survivors = survivors
    found.leaks = sinks.leaks(here, passphrases.values(), seed=options.seed)
    judgement = verdict.judge(found)
    return {
        "engine": options.engine,
        "verdict": asdict(judgement),
        "counted": counted(found),
        "injected": [[*fault, number] for fault, number in schedule.injected().items()],
    }


def counted(found: "Facts") -> dict[str, int]:
    """How much the verdict is about."""
    return {
        "certificates at the CAs": len(found.at_ca),
        "of them revoked": sum(each.revoked for each in found.at_ca),
        "certificates in the database": sum(bool(each.serial) for each in found.ours),
        "mails in the outbox": len(found.mails),
        "messages that the mail server took": len(found.received),
        "of them with containers": sum(bool(each.serials) for each in found.received),
        **Counter(f"requests of the kind {each.kind}" for each in found.requests),
        "passphrases shown": sum(noted for each in found.requests for noted in each.tokens.values()),
    }


if __name__ == "__main__":
    main()
