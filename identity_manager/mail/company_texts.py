"""The company's own texts of mails: checked, filled in, and taken in place of the product's own.

A text in force is known to each process for REREAD_SECONDS, so that mails cost no query. Where one fails, the
mail goes out with the product's text: the failure is logged and kept on the text, for System Administrators.
"""

import logging
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import groupby
from typing import Any, Protocol

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from liquid import BoundTemplate

from ca_bridge.x509.names import forbidden_characters
from identity_manager import queue
from identity_manager.mail import links, liquid, placeholders
from identity_manager.mail.liquid import TextFault
from identity_manager.mail.placeholders import Context
from identity_manager.models import MailText
from identity_manager.models.mail.mail_text import LONGEST_MAIL_BODY, LONGEST_MAIL_SUBJECT
from identity_manager.models.words import Words

logger = logging.getLogger(__name__)

REREAD_SECONDS = 30
LONGEST_SUBJECT = 300  # of OutgoingMail
BLANK_LINES = re.compile(r"\n[ \t]*\n\s*\n")
EMPTY_SUBJECT = _("The subject is empty.")
EMPTY_BODY = _("The text is empty.")
ONE_LINE = _("The subject is one line.")
TOO_LONG = _("There are at most %(most)d characters.")
FOREIGN_LINK = _("%(found)s looks like a link, and links lead to the portals of this installation alone.")
LINK_CAME_OUT = _("With its placeholders filled in, it had a link that leads elsewhere.")
INVISIBLE = _("There are characters that are not allowed: %(found)s.")


class UnusableError(Exception):
    """No mail can be made of the text with these values. sentence: in our own words, without the values."""

    def __init__(self, sentence: Words) -> None:
        super().__init__()
        self.sentence = sentence


@dataclass(frozen=True)
class Filled:
    """Subject and words of one mail."""

    subject: str
    body: str

    @property
    def paragraphs(self) -> list["Paragraph"]:
        """The same for the HTML part: blank lines separate paragraphs, "- " begins each line of a list."""
        return [
            Paragraph(is_list, [line.removeprefix("- ") if is_list else line for line in lines])
            for part in self.body.split("\n\n")
            for is_list, lines in groupby(part.split("\n"), key=lambda line: line.startswith("- "))
        ]


@dataclass(frozen=True)
class Paragraph:
    """Lines that stand together."""

    is_list: bool
    lines: list[str]


@dataclass(frozen=True)
class Wording:
    """A text as it is written, with placeholders. pk: of the version, if it is one."""

    subject: str
    body: str
    pk: uuid.UUID | None = None

    def faults(self, known: Mapping[str, object]) -> dict[str, list[TextFault]]:
        """What is wrong with `subject` and `body`; empty where nothing is. known: the placeholders."""
        found = {
            "subject": list(_faults(self.subject, known, EMPTY_SUBJECT, LONGEST_MAIL_SUBJECT)),
            "body": list(_faults(self.body, known, EMPTY_BODY, LONGEST_MAIL_BODY)),
        }
        if "\n" in self.subject.strip():
            found["subject"].append(TextFault(ONE_LINE))
        return {name: each for name, each in found.items() if each}

    def filled(self, context: Context) -> Filled:
        """Fill in what the mail's placeholders say. Raises LiquidError or UnusableError."""
        values = placeholders.values(context, self._names)
        subject = " ".join(liquid.render(self._parsed[0], values).split())
        body = _tidied(liquid.render(self._parsed[1], values))
        if not subject or not body:
            raise UnusableError(EMPTY_BODY if subject else EMPTY_SUBJECT)
        if any(links.foreign(f"{subject}\n{body}", except_in=values.values())):
            raise UnusableError(LINK_CAME_OUT)
        return Filled(subject[:LONGEST_SUBJECT], body)

    @cached_property
    def _parsed(self) -> tuple[BoundTemplate, BoundTemplate]:
        return liquid.parse(self.subject), liquid.parse(self.body)

    @cached_property
    def _names(self) -> set[str]:
        """The placeholders that it uses."""
        return {name for template in self._parsed for name in liquid.names_in(template)}


def _faults(source: str, known: Mapping[str, object], empty: Words, most: int) -> Iterator[TextFault]:
    if not source.strip():
        yield TextFault(empty)
    if len(source) > most:
        yield TextFault(TOO_LONG % {"most": most})
        return
    if found := forbidden_characters(source.replace("\n", " ").replace("\t", " ")):
        yield TextFault(INVISIBLE % {"found": ", ".join(found)})
    yield from liquid.faults(source, known=known)
    for link in links.foreign(liquid.MARKUP.sub(lambda match: " " * len(match[0]), source)):
        yield liquid.fault_at(source, link.index, FOREIGN_LINK, found=link.text)


def _tidied(text: str) -> str:
    """Without blank ends of lines, and one blank line in a row at most: conditions leave theirs behind."""
    lines = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    return BLANK_LINES.sub("\n\n", lines).strip()


# --- Which text a mail takes -----------------------------------------------------------------------
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
