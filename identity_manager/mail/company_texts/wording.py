"""One of the company's own texts: validation when it is edited, rendering for a mail."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from django.utils.translation import gettext_lazy as _
from liquid import BoundTemplate

from ca_bridge.x509.names import forbidden_characters
from identity_manager.mail.company_texts import links, liquid, placeholders
from identity_manager.mail.company_texts.liquid import TextFault
from identity_manager.mail.company_texts.placeholders import Context
from identity_manager.models.mail.mail_text import LONGEST_MAIL_BODY, LONGEST_MAIL_SUBJECT
from identity_manager.models.words import Words

LONGEST_SUBJECT = 300  # characters of OutgoingMail.subject
BLANK_LINES = re.compile(r"\n[ \t]*\n\s*\n")
EMPTY_SUBJECT = _("The subject is empty.")
EMPTY_BODY = _("The text is empty.")
ONE_LINE = _("The subject is one line.")
TOO_LONG = _("There are at most %(most)d characters.")
FOREIGN_LINK = _("%(found)s looks like a link, and links lead to the portals of this installation alone.")
LINK_CAME_OUT = _("With its placeholders filled in, it had a link that leads elsewhere.")
INVISIBLE = _("There are characters that are not allowed: %(found)s.")


class UnusableError(Exception):
    """The text yields no valid mail with these values. sentence: the reason, without the values."""

    def __init__(self, sentence: Words) -> None:
        super().__init__()
        self.sentence = sentence


@dataclass(frozen=True)
class Filled:
    """Rendered subject and body of one mail."""

    subject: str
    body: str

    @property
    def paragraphs(self) -> list["Paragraph"]:
        """The body for the HTML part: blank lines separate paragraphs, "- " begins each line of a list."""
        return [
            Paragraph(is_list, [line.removeprefix("- ") if is_list else line for line in lines])
            for part in self.body.split("\n\n")
            for is_list, lines in groupby(part.split("\n"), key=lambda line: line.startswith("- "))
        ]


@dataclass(frozen=True)
class Paragraph:
    """Consecutive lines without a blank one."""

    is_list: bool
    lines: list[str]


@dataclass(frozen=True)
class Wording:
    """A text as it is written, with placeholders. pk: of the version, if it is one."""

    subject: str
    body: str
    pk: uuid.UUID | None = None

    def faults(self, known: Mapping[str, object]) -> dict[str, list[TextFault]]:
        """Faults by field, `subject` and `body`; empty if there are none. known: existing placeholders."""
        found = {
            "subject": list(_faults(self.subject, known, EMPTY_SUBJECT, LONGEST_MAIL_SUBJECT)),
            "body": list(_faults(self.body, known, EMPTY_BODY, LONGEST_MAIL_BODY)),
        }
        if "\n" in self.subject.strip():
            found["subject"].append(TextFault(ONE_LINE))
        return {name: each for name, each in found.items() if each}

    def filled(self, context: Context) -> Filled:
        """Render with the placeholders of this context. Raises LiquidError or UnusableError."""
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
    """Strip trailing blanks, and collapse the blank lines that conditions leave behind."""
    lines = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    return BLANK_LINES.sub("\n\n", lines).strip()
