"""Verbs on terms: a version is published at once, in all languages, and never changes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.models import Person, TermsDocument, TermsText, TermsVersion
from identity_manager.workflow.errors import NotPossible, Reason, refuse

LANGUAGE_LACKING = Reason(
    "language-lacking", _("A version of the terms is published in all languages at once.")
)
EMPTY_TEXT = Reason("empty-text", _("Each text needs a title and a body."))


@dataclass(frozen=True)
class Text:
    """Terms in one language: paragraphs separated by blank lines, `# ` before a heading."""

    title: str
    body: str

    @property
    def sha256(self) -> str:
        """The digest that an acceptance keeps: of the title, an empty line and the body in UTF-8."""
        return hashlib.sha256(f"{self.title}\n\n{self.body}".encode()).hexdigest()


def add_document(*, actor: Person, code: str, name: str) -> TermsDocument:
    """Begin a document; persons accept it once a version is published."""
    with transaction.atomic():
        require_system_administrator(actor)
        document = TermsDocument.objects.create(code=code, name=name)
        audit.record(audit.Event.CATALOGUE_CHANGED, actor=actor, subject=None, what="terms-added", code=code)
        return document


def publish_terms(*, actor: Person, document: TermsDocument, texts: Mapping[str, Text]) -> TermsVersion:
    """Put a new version in force, one text for each language of the installation.

    Raises NotAllowed, or NotPossible for a language that lacks and an empty text.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        refuse(None if set(texts) == {code for code, _name in settings.LANGUAGES} else LANGUAGE_LACKING)
        if any(not text.title.strip() or not text.body.strip() for text in texts.values()):
            raise NotPossible(EMPTY_TEXT)

        newest = document.versions.aggregate(number=Max("number"))["number"] or 0
        document.versions.filter(is_current=True).update(is_current=False)
        version = TermsVersion.objects.create(document=document, number=newest + 1, is_current=True)
        for language, text in texts.items():
            TermsText.objects.create(
                version=version, language=language, title=text.title, body=text.body, sha256=text.sha256
            )
        audit.record(
            audit.Event.CATALOGUE_CHANGED,
            actor=actor,
            subject=None,
            what="terms-published",
            code=document.code,
            number=version.number,
            sha256={language: text.sha256 for language, text in texts.items()},
        )
        return version
