"""HTTPS client of targets: one connection per call, with trust and proxy of ca_bridge.outgoing.

No keep-alive: if the service closes a kept connection, it is unknown whether it has read the request. A call
ends with a reply, with NotSentError (nothing has happened), or with NoAnswerError (unknown outcome).
"""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ca_bridge import outgoing

LONGEST_ANSWER = 1 << 20  # octets
PIECE = 1 << 16


class NotSentError(OSError):
    """The service was not reached."""


class NoAnswerError(OSError):
    """The request may have been read, and no whole answer came."""


@dataclass(frozen=True)
class Reply:
    """A response. retry_after: seconds to wait by the Retry-After header; None without one."""

    status: int
    body: bytes = field(repr=False)
    retry_after: float | None = None

    def json(self) -> dict[str, Any]:
        """The JSON object in the body; empty for anything else."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Request:
    """A call. seconds: for the whole of it."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    seconds: int = 30


def is_safe(url: str) -> bool:
    """Whether secrets may be sent to this URL: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 raises where it is none
    except ValueError:
        return False
    on_this_machine = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    return bool(parts.hostname) and parts.username is None and (parts.scheme == "https" or on_this_machine)


def with_token(url: str, token: str, *, body: Mapping[str, Any] | None, seconds: int) -> Request:
    """A GET, or a POST of JSON where there is a body, with a bearer token (RFC 6750 2.1)."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    if body is None:
        return Request(url, headers=headers, seconds=seconds)
    headers["Content-Type"] = "application/json"
    return Request(url, "POST", headers, json.dumps(body).encode("ascii"), seconds)


def call(request: Request) -> Reply:
    """Raises NotSentError or NoAnswerError."""
    until = time.monotonic() + request.seconds
    parts = urlsplit(request.url)
    try:
        connection = outgoing.connect(request.url, seconds=request.seconds)
    except (OSError, http.client.HTTPException) as error:
        raise NotSentError(type(error).__name__) from error
    try:
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        connection.request(request.method, target, body=request.body, headers=dict(request.headers))
        answer = connection.getresponse()
        return Reply(answer.status, _whole(answer, until), _retry_after(answer))
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(type(error).__name__) from error
    finally:
        connection.close()


def _whole(answer: http.client.HTTPResponse, until: float) -> bytes:
    """The body. Raises OSError if it is too long or too slow, HTTPException if it is truncated."""
    body = bytearray()
    while piece := answer.read(PIECE):
        body += piece
        if len(body) > LONGEST_ANSWER or time.monotonic() > until:
            raise TimeoutError("an answer without end")
    expected = answer.getheader("Content-Length")
    if expected is not None and expected.isdecimal() and len(body) < int(expected):
        raise http.client.IncompleteRead(b"")
    return bytes(body)


def _retry_after(answer: http.client.HTTPResponse) -> float | None:
    """RFC 9110 10.2.3: seconds, or a date; of Microsoft also milliseconds."""
    milliseconds, said = answer.getheader("x-ms-retry-after-ms", ""), answer.getheader("Retry-After", "")
    if said.isdecimal():
        return float(said)
    if milliseconds.isdecimal():
        return float(milliseconds) / 1000
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()) if said else None
    except (ValueError, TypeError):
        return None
