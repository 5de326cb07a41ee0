"""Requirements of a version of terms: a text in each language, and who gets a copy of the keys."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.utils.formats import number_format
from django.utils.functional import lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import archiving, mail_keys
from identity_manager.models import TermsDocument, TermsVersion, TokenType
from identity_manager.models.catalogue.terms import LONGEST_BODY, LONGEST_TITLE, TermsStatements
from identity_manager.transactions.refusals import NotPossible, Reason, require

LANGUAGE_LACKING = Reason(
    "language-lacking",
    _("A version has a text in each language of the one before it; the first one, in all."),
)
EMPTY_TEXT = Reason("empty-text", _("Each text needs a title and a body."))
TEXT_TOO_LONG = Reason(
    "terms-text-too-long",
    format_lazy(
        _("A title of terms has at most {title} characters, and a text at most {body}."),
        title=LONGEST_TITLE,
        body=lazy(number_format, str)(LONGEST_BODY, force_grouping=True),
    ),
)
TYPE_ARCHIVES = _(
    "The token type %(type)s archives keys under these terms: they have to say so. Choose what the text says"
    " about a copy of the keys, or activate a version of the type first that archives none."
)
TYPE_HANDS_OVER = _(
    "Keys of the token type %(type)s go to a target under these terms: they have to name it. Choose who gets"
    " a copy of the keys, or switch the target off for the type first."
)


@dataclass(frozen=True)
class Text:
    """Terms in one language: paragraphs separated by blank lines, `# ` before a heading."""

    title: str
    body: str

    @property
    def sha256(self) -> str:
        """The digest that an acceptance keeps: of the title, an empty line and the body in UTF-8."""
        return hashlib.sha256(f"{self.title}\n\n{self.body}".encode()).hexdigest()


def require_statements(document: TermsDocument, stated: TermsStatements) -> None:
    """The next version states what the types in force do with keys under these terms. Raises NotPossible."""
    _require_archiving_named(document, stated.names_archiving)
    _require_holders_named(document, stated.names_key_holders)


def _require_archiving_named(document: TermsDocument, names_archiving: str) -> None:
    for token_type in TokenType.objects.active().filter(terms=document, archive_key=True):
        if not archiving.are_named(names_archiving, token_type.ordered_profiles()):
            sentence = TYPE_ARCHIVES % {"type": token_type.name}
            raise NotPossible(Reason("type-archives", sentence), field="names_archiving")


def _require_holders_named(document: TermsDocument, named: Sequence[str]) -> None:
    for token_type in TokenType.objects.active().filter(terms=document, keys_leave=True):
        if not mail_keys.are_named(mail_keys.holders_of(token_type.code), named):
            sentence = TYPE_HANDS_OVER % {"type": token_type.name}
            raise NotPossible(Reason("type-hands-over", sentence), field="names_key_holders")


def needed_languages(current: TermsVersion | None) -> set[str]:
    """Of the languages offered: those of the version in force, all before there is one.

    So a language that an upgrade brings asks nobody for a text: its readers get another language's.
    """
    offered = set(dict(settings.LANGUAGES))
    return offered & {text.language for text in current.texts.all()} if current else offered


def require_languages(texts: Mapping[str, Text], current: TermsVersion | None) -> None:
    """Each text complete and not too long, in each language that has to have one. Raises NotPossible.

    The form checks the lengths, too; a configuration file brings drafts without it.
    """
    complete = needed_languages(current) <= set(texts) <= set(dict(settings.LANGUAGES))
    require(complete, else_=LANGUAGE_LACKING)
    for language, text in texts.items():
        require(text.title.strip(), else_=EMPTY_TEXT, field=f"title_{language}")
        require(text.body.strip(), else_=EMPTY_TEXT, field=f"body_{language}")
        require(len(text.title) <= LONGEST_TITLE, else_=TEXT_TOO_LONG, field=f"title_{language}")
        require(len(text.body) <= LONGEST_BODY, else_=TEXT_TOO_LONG, field=f"body_{language}")
