"""Log formats, as text or JSON lines, each with the request id; safe against log injection.

Control characters and line breaks in messages are escaped, and lines of tracebacks begin with a bar, so that
input of users cannot forge a line.
"""

import json
import logging
import time
import traceback
import unicodedata
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from identity_manager.telemetry import correlation

FORMATS = ("line", "json")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
STEERING = frozenset({"Cc", "Cf", "Zl", "Zp"})  # controls, marks of direction, line and paragraph ends
BAR = "    | "


class LineFormatter(logging.Formatter):
    """2026-11-25T02:40:09.123Z WARNING identity_manager.queue The broker ... [request_id=...].

    In UTC, as the database and the JSON format: unambiguous at the end of daylight saving time.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        facts = " ".join(f"{name}={value}" for name, value in correlation.facts().items())
        said = f"{record.levelname} {record.name} {record.getMessage()}{f' [{facts}]' if facts else ''}"
        lines = [visible(f"{self.formatTime(record)} {said}")]
        lines += [f"{BAR}{visible(line)}" for line in _trace(self, record).splitlines()]
        return "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            **correlation.facts(),
        }
        trace = _trace(self, record)
        return json.dumps(entry | ({"exception": trace} if trace else {}))


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    """Traceback and message of an exception, without variables.

    For a refused request (no fault) only the reason.
    """
    if not record.exc_info:
        return ""
    if getattr(record, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR) < HTTPStatus.INTERNAL_SERVER_ERROR:
        return "".join(traceback.format_exception_only(record.exc_info[1])).rstrip()
    return formatter.formatException(record.exc_info)


def visible(text: str) -> str:
    """The text on one line, with control and format characters escaped by their code points."""
    return "".join(_escaped(each) if unicodedata.category(each) in STEERING else each for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def configuration(*, form: str, level: str) -> dict[str, Any]:
    """Django's LOGGING, without debug messages of libraries."""
    formatter = JsonFormatter if form == "json" else LineFormatter
    quiet = ("celery.app.trace", "celery.beat", "celery.worker.request", "celery.worker.strategy", "pkilint")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"one": {"()": formatter}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "one"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            **{name: {"level": "WARNING"} for name in quiet},
            "gunicorn.error": {"level": "WARNING", "handlers": ["console"], "propagate": False},
            "fontTools": {"level": "ERROR"},
            "fpdf": {"level": "ERROR"},
            "django.template": {"level": "INFO"},  # below, it writes down what pages are made of
        },
    }
