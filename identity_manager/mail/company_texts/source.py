"""Which text a mail takes: the company's own where one is in force, else the product's.

A text in force is known to each process for REREAD_SECONDS, so that mails cost no query. Where one fails, the
mail goes out with the product's text: the failure is logged and kept on the text, for System Administrators.
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
    """Where composing takes the company's words from; None: the product's own."""

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
        """Take these for REREAD_SECONDS."""
        self._known, self._until = texts, time.monotonic() + REREAD_SECONDS

    def forget(self) -> None:
        """Read them again for the next mail."""
        self._until = 0.0

    def _texts(self) -> dict[str, Wording]:
        if time.monotonic() >= self._until:
            rows = MailText.objects.active().values_list("code", "subject", "body", "pk")
            self.remember({code: Wording(subject, body, pk) for code, subject, body, pk in rows})
        return self._known


class Only:
    """One text for every mail, or none: the product's own. Keeps the context, and lets failures through."""

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
    """Compose mails with texts of this source meanwhile."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def filled(message: str, language: str, context: dict[str, Any]) -> Filled | None:
    """The company's words for this mail; None where it takes the product's own."""
    return _source.get().filled(message, language, context)


def _report(wording: Wording, message: str, error: Exception) -> None:
    """Log that the text failed, and keep it on the version once the caller's transaction is through."""
    failure = _failure_of(error)
    logger.error("The company's text of the mail %s failed, so it went out with ours: %s", message, failure)
    if wording.pk is not None:
        queue.call_after_commit(partial(_keep_failure, wording.pk, failure))


def _failure_of(error: Exception) -> str:
    """Our own words of what was wrong; of other errors the name alone, as their text may hold values."""
    if not isinstance(error, UnusableError):
        return type(error).__name__
    with translation.override(settings.LANGUAGE_CODE):
        return str(error.sentence)


def _keep_failure(pk: uuid.UUID, failure: str) -> None:
    rows = MailText.objects.active().filter(pk=pk, failed_at=None)
    rows.update(failed_at=timezone.now(), failure=failure[:300])
