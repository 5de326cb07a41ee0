"""Records what passes and is not kept anywhere: log lines, requests and answers, arguments of programs."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.test import Client

# --- logs -------------------------------------------------------------------------------------------


FORMATTED = frozenset({"message", "exc_info", "exc_text", "stack_info"})


class LogLines(logging.Handler):
    """Keeps each record as it would be written, with its traceback, and what else it carries along."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        carried = {name: value for name, value in record.__dict__.items() if name not in FORMATTED}
        self.lines.append(f"{self.format(record)}\n{carried!r}")


@contextmanager
def recorded_logs() -> Iterator[LogLines]:
    """Every logger at DEBUG, also those that do not hand on to the root.

    SQL is not among it: Django logs statements only under DEBUG, which this product does not have.
    """
    handler = LogLines()
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    ends = [logging.root, *(each for each in loggers if not each.propagate)]
    levels = {each: each.level for each in (logging.root, *loggers)}
    for each in levels:
        each.setLevel(logging.DEBUG)
    for each in ends:
        each.addHandler(handler)
    try:
        yield handler
    finally:
        for each in ends:
            each.removeHandler(handler)
        for each, level in levels.items():
            each.setLevel(level)


# --- HTTP -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Exchange:
    """One request and its answer; each redirect is another one."""

    method: str
    url: str
    referrer: str
    status: int
    headers: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.url.partition('?')[0]} ({self.status})"


EXCHANGES: list[Exchange] = []
FAULTS: list[BaseException] = []  # what pages and tasks raised


class RecordingClient(Client):
    """Django's test client that writes down what it sends and gets, and shows the page of an error."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"raise_request_exception": False, **options})

    def request(self, **request: Any) -> Any:
        response: Any = super().request(**request)
        if response.streaming:
            content = b"".join(response.streaming_content)
            response.streaming_content = [content]
        else:
            content = response.content
        if response.exc_info:
            FAULTS.append(response.exc_info[1])
        EXCHANGES.append(
            Exchange(
                method=request["REQUEST_METHOD"],
                url=f"{request['PATH_INFO']}?{request.get('QUERY_STRING', '')}",
                referrer=request.get("HTTP_REFERER", ""),
                status=response.status_code,
                headers=f"{response.serialize_headers().decode('latin-1')}\n{response.cookies.output()}",
                body=content,
            )
        )
        return response


# --- programs ---------------------------------------------------------------------------------------
STARTING = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.spawn"})
_arguments: list[str] | None = None


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _arguments is not None and event in STARTING:
        _arguments.append(repr(arguments))


sys.addaudithook(_hear)  # PEP 578; it cannot be taken away again, so it hears only while it is asked to


@contextmanager
def recorded_programs() -> Iterator[list[str]]:
    """The arguments and environments of all programs that this process starts meanwhile."""
    global _arguments
    _arguments = heard = [repr(sys.argv)]
    try:
        yield heard
    finally:
        _arguments = None


def command_lines() -> set[bytes]:
    """The arguments of every process of this machine, at this moment."""
    found = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                with open(f"{entry.path}/cmdline", "rb") as stream:  # noqa: PTH123 read every few milliseconds
                    found.add(stream.read())
            except OSError:
                continue
    return found
