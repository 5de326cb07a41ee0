"""ADMIN, Mail texts: each mail as people get it, in each language, and when it is sent."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation

from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS, title_of
from identity_manager.models.text_in_languages import best_of
from identity_manager.models.words import Words
from identity_manager.ui.parts import Tab


@dataclass(frozen=True)
class MailTextLine:
    """One mail of the list."""

    name: str
    called: str
    subject: str
    to: Words
    when: Words
    url: str


def language_or_none(language: str) -> str | None:
    """The language, if the installation speaks it."""
    return language if language in dict(settings.LANGUAGES) else None


def listing() -> dict[str, Any]:
    """Every mail, subject by subject."""
    return {"lines": [_line(name) for name in specimens.names()]}


def context(name: str, language: str) -> dict[str, Any]:
    """One mail in one language, made of somebody who does not exist."""
    mail = specimens.specimen(name, language=language)
    kind = MAILS[name]
    return {
        "mail": mail,
        "title": title_of(name),
        "to": kind.to,
        "when": kind.when,
        "sender": settings.DEFAULT_FROM_EMAIL,
        "html_url": _url("mail-text-html", name, language),
        "languages": [
            Tab(label, _url("mail-text", name, code), current=code == language)
            for code, label in settings.LANGUAGES
        ],
    }


def _line(name: str) -> MailTextLine:
    language = best_of(dict(settings.LANGUAGES), translation.get_language()) or settings.LANGUAGE_CODE
    kind, subject = MAILS[name], specimens.specimen(name, language=language).subject
    return MailTextLine(name, title_of(name), subject, kind.to, kind.when, _url("mail-text", name, language))


def _url(what: str, name: str, language: str) -> str:
    return reverse(f"console:{what}", args=[name, language])
