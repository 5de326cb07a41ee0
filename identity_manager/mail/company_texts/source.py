"""Choice of a mail's text: the company's own if one is in force, else the product's.

Each process caches texts in force for REREAD_SECONDS, so that mails cost no query. If rendering one fails,
the mail is sent with the product's text; the failure is logged and stored on the text, for System
Administrators.
"""

import logging
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Protocol

from django.conf import settings
from django.utils import timezone, translation

from identity_manager import queue
from identity_manager.mail.company_texts.placeholders import Context
from identity_manager.mail.company_texts.wording import Filled, UnusableError, Wording
from identity_manager.models import MailText

logger = logging.getLogger(__name__)

REREAD_SECONDS = 30


class Source(Protocol):
    """Provider of the company's texts for composing; its None means the product's own."""

    def filled(self, message: str, language: str, context: dict[str, Any], /) -> Filled | None: ...


class _InForce:
    """The texts in force."""

    def __init__(self) -> None:
        self._known: dict[str, Wording] = {}
        self._until = 0.0

    def filled(self, message: str, language: str, context: Context) -> Filled | None:
        wording = self._texts().get(MailText.code_of(message, language))
        if wording is None:
            return None
        try:
            return wording.filled(context)
        except Exception as error:  # noqa: BLE001 whatever is wrong with a company's text, the mail goes out
            _report(wording, message, error)
            return None

    def remember(self, texts: dict[str, Wording]) -> None:
        """Cache these texts for REREAD_SECONDS."""
        self._known, self._until = texts, time.monotonic() + REREAD_SECONDS

    def forget(self) -> None:
        """Drop the cache: the next mail reads the texts again."""
        self._until = 0.0

    def _texts(self) -> dict[str, Wording]:
        if time.monotonic() >= self._until:
            rows = MailText.objects.active().values_list("code", "subject", "body", "pk")
            self.remember({code: Wording(subject, body, pk) for code, subject, body, pk in rows})
        return self._known


class Only:
    """A fixed text for every mail; None: the product's own. Stores the context; does not catch failures."""

    def __init__(self, wording: Wording | None) -> None:
        self._wording = wording
        self.context: Context = {}

    def filled(self, _message: str, _language: str, context: dict[str, Any]) -> Filled | None:
        self.context = context
        return self._wording.filled(context) if self._wording else None


IN_FORCE = _InForce()
_source: ContextVar[Source] = ContextVar("mail_texts", default=IN_FORCE)


@contextmanager
def taken_from(source: Source) -> Iterator[None]:
    """Context in which mails are composed with texts of this source."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def filled(message: str, language: str, context: dict[str, Any]) -> Filled | None:
    """The company's words for this mail; None where it takes the product's own."""
    return _source.get().filled(message, language, context)


def _report(wording: Wording, message: str, error: Exception) -> None:
    """Log the failure of a text, and store it on the version after the caller's transaction commits."""
    failure = _failure_of(error)
    logger.error("The company's text of the mail %s failed, so it went out with ours: %s", message, failure)
    if wording.pk is not None:
        queue.call_after_commit(partial(_keep_failure, wording.pk, failure))


def _failure_of(error: Exception) -> str:
    """The sentence of our own exceptions; of others the class name only, as their text may contain values."""
    if not isinstance(error, UnusableError):
        return type(error).__name__
    with translation.override(settings.LANGUAGE_CODE):
        return str(error.sentence)


def _keep_failure(pk: uuid.UUID, failure: str) -> None:
    rows = MailText.objects.active().filter(pk=pk, failed_at=None)
    rows.update(failed_at=timezone.now(), failure=failure[:300])
