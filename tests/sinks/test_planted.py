"""Each sink, each encoding: what is planted on the way that the product takes is found.

Only then does it mean something that test_road.py finds nothing.
"""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from celery import current_app
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.mail import EmailMultiAlternatives
from django.db import DataError, connection
from pytest_django import Settings

from identity_manager import audit, task_names
from tests.sinks import places, recording
from tests.sinks.forms import in_one_line, matrix
from tests.sinks.recording import RecordingClient
from tests.sinks.search import KEY_FORMS, Search
from tests.sinks.watched import Watched
from tests.tools import cast

pytestmark = pytest.mark.django_db(transaction=True)
logger = logging.getLogger("identity_manager.planted")


class NotPlantedError(Exception):
    """The sink cannot hold this form of a secret, or nothing writes it so."""


def without_zeros(text: str) -> str:
    if "\0" in text:
        raise NotPlantedError("arguments and PostgreSQL's texts hold no zero")
    return text


# --- mails


def _mail(text: str, *, subject: str = "Planted", html: str = "") -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives(subject, text, to=["uma@example.com"])
    if html:
        mail.attach_alternative(html, "text/html")
    return mail


def in_a_text(text: str) -> None:
    _mail(text).send()


def in_html(text: str) -> None:
    _mail("see HTML", html=f"<p>{text}</p>").send()


def in_a_subject(text: str) -> None:
    _mail("see subject", subject=in_one_line(text)).send()


def in_an_attachment(text: str) -> None:
    mail = _mail("see attachment")
    mail.attach("file.bin", text.encode("latin-1"), "application/octet-stream")
    mail.send()


# --- logs


def in_a_message(text: str) -> None:
    logger.debug("the secret is %s", text)


def in_an_extra(text: str) -> None:
    logger.debug("nothing to see", extra={"more": [text]})


def in_a_traceback(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        logger.exception("it failed")


def in_a_log_of_another(text: str) -> None:
    logging.getLogger("django.server").info("%s", text)


# --- HTTP


def asked_for(text: str) -> None:
    RecordingClient().get("/health/live", {"q": text})


def as_referrer(text: str) -> None:
    RecordingClient().get("/health/live", headers={"referer": f"http://localhost/{in_one_line(text)}"})


def leaked(way: str) -> Callable[[str], None]:
    def plant(text: str) -> None:
        RecordingClient().post(f"/leak/{way}/", {"secret": text}, follow=way == "redirect")

    plant.__name__ = f"leaked_by_{way}"
    return plant


def in_a_flash(text: str) -> None:
    if text.startswith(".eJ"):
        raise NotPlantedError("messages are packed like sessions; nothing packs them twice")
    leaked("flash")(text)


# --- rows


def in_a_session(text: str) -> None:
    session = SessionStore()
    session["next"] = text
    session.save()


def in_an_event(text: str) -> None:
    audit.record(audit.Event.TOKEN_SEALED, actor=None, subject=None, detail=[text])


def in_the_cache(text: str) -> None:
    cache.set(f"planted-{hash(text)}", {"secret": text})


def in_a_column(text: str) -> None:
    cast.publish_terms(cast.terms()).texts.update(body=text)


# --- queue and programs


def in_a_task(text: str) -> None:
    current_app.tasks[task_names.ISSUE].apply_async(args=(text,))


def as_argument(text: str) -> None:
    subprocess.run(["/bin/true", without_zeros(text)], check=True)


def in_the_environment(text: str) -> None:
    subprocess.run(["/bin/true"], env={"SECRET": without_zeros(text)}, check=True)


PLANTS = {
    "mails": (in_a_text, in_html, in_a_subject, in_an_attachment),
    "logs": (in_a_message, in_an_extra, in_a_traceback, in_a_log_of_another),
    "addresses": (asked_for, as_referrer, leaked("redirect")),
    "headers": (leaked("header"), leaked("cookie"), leaked("redirect")),
    "answers": (leaked("body"), leaked("error")),
    "sessions": (in_a_session, leaked("session"), in_a_flash),
    "broker": (in_a_task,),
    "messages": (in_a_task,),
    "audit events": (in_an_event,),
    "audit exports": (in_an_event,),
    "cache": (in_the_cache,),
    "database": (in_a_column, in_an_event, in_the_cache),
    "programs": (as_argument, in_the_environment),
}


@pytest.fixture
def leaky_pages(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.sinks.leaky"


def planted_by(plant: Callable[[str], None]) -> tuple[Search, set[str]]:
    """Plant everything that the sink can hold; return the search for it, and what it must find."""
    planted = matrix()
    expected = set()
    for name, each in planted.items():
        try:
            plant(each.written.decode("latin-1"))
        except NotPlantedError:
            continue
        except (DataError, ValueError):
            assert connection.vendor == "postgresql", name
            assert b"\0" in each.written, name
            continue
        expected.add(name)
    return Search(each.secret for each in planted.values()), expected


def found_by(search: Search, sink: places.Places) -> set[str]:
    return {finding.secret for finding in search.all_findings(sink)} - KEY_FORMS.keys()


CASES = [
    pytest.param(
        *(sink, plant),
        id=f"{sink}: {plant.__name__}",
        marks=pytest.mark.long if plant == plants[0] else pytest.mark.nightly,
    )
    for sink, plants in PLANTS.items()
    for plant in plants
]


@pytest.mark.parametrize(("sink", "plant"), CASES)
@pytest.mark.usefixtures("leaky_pages")
def test_is_found(sink: str, plant: Callable[[str], None], watched: Watched) -> None:
    search, expected = planted_by(plant)
    if sink == "messages":
        watched.work()
    sinks = {**watched.sinks(), "answers": watched.answers()}

    assert found_by(search, sinks[sink]) == expected
    assert len(expected) > len(matrix()) * 0.8


@pytest.mark.nightly
def test_is_found_in_files(database_file: Path) -> None:
    search, expected = planted_by(in_a_column)
    assert found_by(search, places.database_files(database_file)) == expected


@pytest.mark.parametrize("hide", [False, True])
def test_is_found_in_exceptions(hide: bool) -> None:  # noqa: FBT001 pytest's parameter
    planted = matrix()
    search = Search(each.secret for each in planted.values())
    told = [place for each in planted.values() for place in raised(each.written, hide=hide)]
    assert found_by(search, told) == set(planted)


def raised(secret: bytes, *, hide: bool) -> places.Places:
    """The words of an error that was caused, openly or not, by one that tells the secret."""
    text = secret.decode("latin-1")
    try:
        try:
            raise KeyError(text)
        except KeyError as cause:
            raise RuntimeError("no words") from (None if hide else cause)
    except RuntimeError as error:
        return list(places.told_by(error))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_is_found_in_command_lines() -> None:
    planted = {name: each for name, each in matrix().items() if b"\0" not in each.written}
    search = Search(each.secret for each in planted.values())
    running = [waiting_program(each.written) for each in planted.values()]
    try:
        lines = [("command line", line) for line in recording.command_lines()]
        assert found_by(search, lines) == set(planted)
    finally:
        for child in running:
            child.communicate()


def waiting_program(argument: bytes) -> subprocess.Popen[bytes]:
    """A program that runs, which it has said, until its input ends."""
    command: list[str | bytes] = ["/bin/sh", "-c", "echo; read line", "sh", argument]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    return child
