"""What a line of the log looks like, and that nobody can forge one."""

import json
import logging
import sys
from collections.abc import Iterator

import pytest

from identity_manager.config.observability import logs
from identity_manager.telemetry import correlation

FORGERY = "a\n2026-11-25 03:00:00,000 INFO identity_manager ada is allowed everything"
STEERS = ("\n", "\r", "\x1b[2J", "\x85", "\u2028", "\u202e", "\x00", "\x7f")


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    trace = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("identity_manager.a", logging.WARNING, "a.py", 1, message, arguments, trace)


def raised(words: str) -> BaseException:
    try:
        raise ValueError(words)
    except ValueError as error:
        return error


@pytest.fixture
def number() -> Iterator[str]:
    with correlation.bound("number-of-a-visit", task="mail.send"):
        yield "number-of-a-visit"


def test_a_line_says_when_how_bad_who_what_and_of_which_visit(number: str) -> None:
    line = logs.LineFormatter().format(record("Said %s.", "so"))
    said, _bracket, facts = line.removesuffix("]").partition(" [")
    assert said.endswith("WARNING identity_manager.a Said so.")
    assert set(facts.split()) == {"task=mail.send", f"request_id={number}"}
    assert line[:4].isdecimal()


def test_a_line_of_no_visit_says_no_number() -> None:
    assert logs.LineFormatter().format(record("Said.")).endswith("identity_manager.a Said.")


@pytest.mark.parametrize("steering", STEERS, ids=ascii)
def test_no_line_is_made_by_what_somebody_typed(steering: str) -> None:
    for formatter in (logs.LineFormatter(), logs.JsonFormatter()):
        text = formatter.format(record("Not %s here.", f"a{steering}b"))
        assert len(text.splitlines()) == 1
        assert steering not in text


def test_nor_by_the_words_of_an_error() -> None:
    """A traceback's lines stand behind a bar."""
    first, *rest = logs.LineFormatter().format(record("Broken.", error=raised(FORGERY))).splitlines()
    assert first.endswith("Broken.")
    assert rest
    assert all(line.startswith(logs.BAR) for line in rest)
    assert any("ada is allowed everything" in line for line in rest)


@pytest.mark.parametrize("formatter", [logs.LineFormatter(), logs.JsonFormatter()])
def test_who_was_refused_left_a_reason_and_no_traceback(formatter: logging.Formatter) -> None:
    refused, broken = (record("Forbidden: /my/", error=raised("Not yours.")) for _ in range(2))
    refused.status_code, broken.status_code = 403, 500
    assert "ValueError: Not yours." in formatter.format(refused)
    assert "Traceback" not in formatter.format(refused)
    assert "Traceback" in formatter.format(broken)


def test_json_is_one_object_a_line(number: str) -> None:
    line = logs.JsonFormatter().format(record("Said %s.", "ü", error=raised(FORGERY)))
    assert line.isascii()
    entry = json.loads(line)
    assert entry["message"] == "Said ü."
    assert (entry["level"], entry["logger"]) == ("WARNING", "identity_manager.a")
    assert (entry["request_id"], entry["task"]) == (number, "mail.send")
    assert FORGERY in entry["exception"]
    assert entry["time"].endswith("+00:00")


def test_no_variable_of_a_traceback_is_told() -> None:
    passphrase = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
    for formatter in (logs.LineFormatter(), logs.JsonFormatter()):
        assert passphrase not in formatter.format(record("Broken.", error=raised("without")))
    assert passphrase in sys._getframe().f_locals.values()


@pytest.mark.parametrize(("form", "formatter"), [("line", logs.LineFormatter), ("json", logs.JsonFormatter)])
def test_the_setting_decides(form: str, formatter: type) -> None:
    assert logs.configuration(form=form, level="INFO")["formatters"]["one"]["()"] is formatter


@pytest.mark.parametrize("given", ["abcdefgh", "0af7651916cd43dd8448eb211c80319c", "A.b_c-d.1"])
def test_a_well_formed_number_is_taken_over(given: str) -> None:
    assert correlation.accepted(given) == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "with space", "line\nline", "ümlaut-ü", "<script>", None]
)
def test_any_other_is_replaced(given: object) -> None:
    assert correlation.accepted(given) != given
    assert correlation.accepted(given) != correlation.accepted(given)
