"""HTTP replies of CAs: status and body, malformed ones turned into CaError or InDoubtError."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.x509.der import MALFORMED

SAID = 300  # characters of a reply that are stored
# Exceptions of reading a malformed reply: missing fields or wrong types, numbers out of range, invalid JSON
# (a ValueError, as is binascii.Error) or too deeply nested JSON.
UNREADABLE = (AttributeError, LookupError, OverflowError, RecursionError, *MALFORMED)


@dataclass(frozen=True, slots=True)
class Reply:
    """A CA's reply, whatever its status.

    in_doubt: the CA may have issued by then, so malformed content raises InDoubtError instead of CaError.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    in_doubt: bool = field(repr=False)
    host: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_put_off(self) -> bool:
        """Whether the status says that the request was not processed: RFC 9110 15.5.9, 15.6.4; RFC 8470 5.2;
        RFC 6585 4.
        """
        return self.status in (408, 425, 429, 503)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @contextmanager
    def reading(self, wanted: str) -> Iterator[None]:
        """Context for extracting values from the reply; any error becomes garbled()."""
        try:
            yield
        except UNREADABLE as error:
            raise self.garbled(f"no {wanted}") from error

    def fields(self) -> dict[str, Any]:
        """The JSON object in the body, whatever the content type. Raises garbled() for anything else."""
        with self.reading("JSON"):
            found = self.json()
        if not isinstance(found, dict):
            raise self.garbled("no JSON object")
        return found

    def json(self) -> Any:
        """The value in the body, within reading()."""
        return json.loads(self.body)

    def fields_if_any(self) -> dict[str, Any]:
        """As fields(), but empty for anything else, such as a proxy's page."""
        try:
            found = json.loads(self.body)
        except UNREADABLE:
            return {}
        return found if isinstance(found, dict) else {}

    def garbled(self, why: str) -> Exception:
        """The exception for a malformed reply."""
        return fault(self._from_host(f"HTTP {self.status}: {why}"), in_doubt=self.in_doubt)

    def said(self) -> str:
        """Status and beginning of the body on one line, for operators."""
        return f"HTTP {self.status} {' '.join(self.text.split())}"[:SAID]

    def not_taken(self, said: str = "") -> CaError:
        """The exception for refused credentials (401, 403) or an error status. said: the CA's words."""
        found = CaError.credentials if self.status in (401, 403) else CaError.out_of_service
        return found(self._from_host(said or self.said()))

    def credentials(self) -> CaError:
        """The exception for credentials that were refused by another status."""
        return CaError.credentials(self._from_host(self.said()))

    def _from_host(self, words: str) -> str:
        return f"{self.host}: {words}" if self.host else words


def fault(detail: str, *, in_doubt: bool) -> Exception:
    """The exception for a call without a usable reply."""
    return InDoubtError(detail) if in_doubt else CaError.garbled(detail)
