"""manage.py: what an operator can mend is said in one sentence, whichever command it is."""

import os
import sys

import pytest
from django.core import management
from django.db import OperationalError, ProgrammingError

import manage


@pytest.fixture
def ends_with(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Has the command end with the error that is set."""
    monkeypatch.setattr(sys, "argv", ["manage.py", "audit", "verify"])
    return monkeypatch


def run(ends_with: pytest.MonkeyPatch, error: BaseException) -> str | int | None:
    """What it exits with; a text is written to standard error, and the status is 1."""

    def command(_arguments: list[str]) -> None:
        raise error

    ends_with.setattr(management, "execute_from_command_line", command)
    with pytest.raises(SystemExit) as ended:
        manage.main()
    return ended.value.code


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OperationalError("couldn't get a connection after 10.00 sec"), "after 10.00 sec"),
        (OperationalError("no such table: identity_manager_person"), "identity_manager_person"),
        (ProgrammingError('relation "x" does not exist\nLINE 1: SELECT ...\n'), "does not exist"),
    ],
)
def test_a_database_that_is_away_or_empty(
    ends_with: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    said = str(run(ends_with, error))
    assert said.startswith("The database cannot be used: ")
    assert said.endswith(f"{sentence} (manage.py doctor says more)")


def test_where_it_was_is_told_who_asks(ends_with: pytest.MonkeyPatch) -> None:
    ends_with.setattr(sys, "argv", ["manage.py", "audit", "verify", "--traceback"])
    error = OperationalError("away")

    def command(_arguments: list[str]) -> None:
        raise error

    ends_with.setattr(management, "execute_from_command_line", command)
    with pytest.raises(OperationalError):
        manage.main()


def test_who_reads_only_its_beginning_reads_no_traceback(ends_with: pytest.MonkeyPatch) -> None:
    ends_with.setattr(os, "dup2", lambda *_: None)  # standard output is the test run's
    assert run(ends_with, BrokenPipeError()) == 1


def test_who_interrupts_it_reads_no_traceback(ends_with: pytest.MonkeyPatch) -> None:
    assert run(ends_with, KeyboardInterrupt()) == 130
