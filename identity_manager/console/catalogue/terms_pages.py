"""Page context and forms of terms: documents, drafts in all languages, publication."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import prefetch_related_objects
from django.forms import BoundField
from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.catalogue import versions
from identity_manager.catalogue.comparison import changes
from identity_manager.catalogue.terms import (
    BY_WHEN,
    NO_DRAFT,
    AskAgain,
    Seen,
    publication_obstacle,
    seen_of,
    statements_of,
    texts_of,
)
from identity_manager.catalogue.terms_content import Text
from identity_manager.console.catalogue import terms_comparison, wording
from identity_manager.console.catalogue.forms import (
    CodedForm,
    RefuseForm,
    columns_of,
    form_field,
    in_own_words,
    of_model,
)
from identity_manager.console.catalogue.pages import may_edit, waits_for
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import (
    LatePolicy,
    Person,
    RequestState,
    TermsDocument,
    TermsDraft,
    TermsText,
    TermsVersion,
    TokenRequest,
    TokenType,
)
from identity_manager.models.catalogue.entry_fields import content_fields, own_messages
from identity_manager.models.catalogue.terms import TermsStatements
from identity_manager.models.person_search.name_order import key_for_reader
from identity_manager.models.text_in_languages import languages
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import Reason

MOVES_ON = ("terms-draft-saved", "terms-discarded", "terms-published")
BEFORE_ACCEPTANCE = (RequestState.REQUESTED, RequestState.APPROVED, RequestState.AWAITING_ACCEPTANCE)


@in_own_words
class DocumentForm(VerbForm, CodedForm):
    """A new document, or another name for one."""

    class Meta:
        model = TermsDocument
        fields = columns_of(TermsDocument)
        formfield_callback = form_field


class DraftField(forms.CharField):
    """A text that a draft may lack and a version may not, so its label does not say *optional*."""

    def validate(self, value: str) -> None:
        """No check for drafts; publishing checks."""


class SeenForm(VerbForm):
    """Carries the revision of the document that the page showed, for optimistic locking."""

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)
    draft = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> dict[str, Any]:
        """Give what the page showed as `seen`; revision 0 is that of a document that never had a draft."""
        given = {**self.cleaned_data}
        seen = Seen(given.pop("revision", None) or 0, given.pop("draft", ""))
        return {**given, "seen": seen}


class PublishForm(SeenForm):
    """Publication of the draft, and whether holders of tokens have to accept it again."""

    accept_again_by = of_model(
        TermsVersion,
        "accept_again_by",
        forms.DateField,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": lazystr(BY_WHEN)},
    )
    late_policy = of_model(
        TermsVersion,
        "late_policy",
        forms.ChoiceField,
        choices=LatePolicy.choices,
        initial=LatePolicy.LIST,
        required=False,
        widget=forms.RadioSelect,
    )

    def clean(self) -> dict[str, Any]:
        """Give the day and the policy as `ask_again`; None without a day."""
        given = super().clean()
        by, policy = given.pop("accept_again_by", None), given.pop("late_policy", None)
        return {**given, "ask_again": AskAgain(by, LatePolicy(policy or LatePolicy.LIST)) if by else None}


class RefuseDraftForm(SeenForm, RefuseForm):
    """Refusal with a reason."""


class TermsForm(SeenForm):
    """Title and text in each language of the installation. A draft may lack some; a version may not.

    Below them what the texts state about keys.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        title, body = TermsText._meta.get_field("title"), TermsText._meta.get_field("body")
        for code, name in languages():
            self.fields[f"title_{code}"] = DraftField(
                label=title.verbose_name, max_length=title.max_length, widget=_input(code)
            )
            self.fields[f"body_{code}"] = DraftField(
                label=_("Text in %(language)s") % {"language": name},
                max_length=body.max_length,
                widget=forms.Textarea(attrs={"rows": 16, "lang": code}),
            )
        for name, field in content_fields(TermsStatements).items():
            self.fields[name] = field.formfield(widget=forms.RadioSelect, error_messages=own_messages(field))

    def languages(self) -> list[tuple[str, Words, BoundField, BoundField]]:
        """Code, name, title and text of each language."""
        return [(code, name, self[f"title_{code}"], self[f"body_{code}"]) for code, name in languages()]

    def statements(self) -> list[BoundField]:
        """The fields of what the texts state about keys."""
        return [self[name] for name in content_fields(TermsStatements)]

    def said(self) -> dict[str, Any]:
        """Arguments for the verb: the state that the page showed, and the texts' statements about keys."""
        return {name: self.cleaned_data[name] for name in ("seen", *content_fields(TermsStatements))}

    def texts(self) -> dict[str, Text]:
        """The texts, with normalised line ends."""
        given = self.cleaned_data
        return {
            code: Text(given[f"title_{code}"].strip(), _lines(given[f"body_{code}"]))
            for code, _name in languages()
        }


def _input(language: str) -> forms.TextInput:
    return forms.TextInput(attrs={"lang": language})


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def listing(actor: Person) -> dict[str, Any]:
    """The documents, each with its version in force and its draft."""
    rows = TermsDocument.objects.with_draft().prefetch_related("versions")
    lines = [(row, _current(row), draft_of(row), _types(row)) for row in sorted(rows, key=key_for_reader)]
    return {"lines": lines, "may_edit": may_edit(actor)}


def document_context(
    row: TermsDocument, actor: Person, *, form: VerbForm | None = None, asked: str | None = None
) -> dict[str, Any]:
    """One document: draft with its actions, versions, and a page of its history."""
    prefetch_related_objects([row], "versions")
    draft = draft_of(row)
    own = draft is not None and draft.editors.filter(pk=actor.pk).exists()
    return {
        "row": row,
        "form": form or SeenForm(),
        "seen": seen_of(row, draft),
        "draft": draft,
        **_draft_content(row, draft),
        "versions": sorted(row.versions.all(), key=lambda version: -version.number),
        "types": _types(row),
        "may_edit": may_edit(actor),
        "lacking": publication_obstacle(draft) if draft else None,
        "may_publish": not (settings.CATALOGUE_FOUR_EYES and own),
        **(waits_for(draft, own=settings.CATALOGUE_FOUR_EYES and own) if draft else {}),
        "own_draft_reason": versions.OWN_DRAFT,
        "history": wording.history_page("terms", row.code, asked=asked),
        "here": reverse("console:terms-document", args=[row.pk]),
    }


def version_context(found: TermsVersion) -> dict[str, Any]:
    """One published version, in each language, that of the reader first, and what the one before said."""
    before = found.document.versions.filter(number__lt=found.number).order_by("-number").first()
    prefetch_related_objects([found, *([before] if before else [])], "texts")
    here = found.text_in().language
    return {
        "row": found,
        "texts": sorted(found.texts.all(), key=lambda text: (text.language != here, text.language)),
        "before": before,
        "statements": _statements(found),
        **(_differences(before, found, _texts(found)) if before else {}),
    }


def publish_context(row: TermsDocument, actor: Person, *, form: VerbForm) -> dict[str, Any]:
    """The page before publishing: the texts as the person will read them, and who reads them."""
    prefetch_related_objects([row], "versions")
    draft = draft_of(row)
    return {
        "row": row,
        "form": form,
        "draft": draft,
        **_draft_content(row, draft),
        "next_number": (_current_number(row)) + 1,
        "waiting": waiting_words(row),
        "obstacle": _obstacle(draft, actor) if draft else None,
    }


def _obstacle(draft: TermsDraft, actor: Person) -> Reason | None:
    """Why this officer cannot publish the draft of the terms, or None."""
    own = versions.other_eyes_obstacle(draft, actor=actor) if settings.CATALOGUE_FOUR_EYES else None
    return own or publication_obstacle(draft)


def _draft_content(row: TermsDocument, draft: TermsDraft | None) -> dict[str, Any]:
    """Texts and statements of the draft, and its differences to the version in force, if there are both."""
    if draft is None:
        return {}
    current = _current(row)
    return {
        "draft_texts": preview_texts(draft),
        "statements": _statements(draft),
        **(_differences(current, draft, texts_of(draft)) if current else {}),
    }


def _statements(terms: TermsStatements) -> list[wording.Difference]:
    """Statements of the texts about keys, in words."""
    return wording.content(statements_of(terms), TermsStatements)


def _differences(before: TermsVersion, now: TermsStatements, texts: Mapping[str, Text]) -> dict[str, Any]:
    """Differences of a version and the one that follows it, in statements and in texts."""
    changed = changes(statements_of(before), statements_of(now))
    return {
        "before": before,
        "changed_statements": wording.differences(changed, TermsStatements),
        "comparisons": terms_comparison.comparisons(_texts(before), texts),
    }


def moved_on(row: TermsDocument, *, refusing: bool) -> Reason | None:
    """Why there is no draft to decide on, or it waits for no decision; or None."""
    draft = draft_of(row)
    if draft is None:
        return NO_DRAFT
    return versions.asking_obstacle(draft) if refusing else None


def draft_initial(row: TermsDocument) -> dict[str, Any]:
    """Initial values of the form: the draft, else the version in force."""
    draft = draft_of(row)
    current = _current(row)
    texts = texts_of(draft) if draft else _texts(current) if current else {}
    said = draft or current or TermsDraft()
    initial = {**asdict(seen_of(row, draft)), **statements_of(said)}
    for language, text in texts.items():
        initial[f"title_{language}"], initial[f"body_{language}"] = text.title, text.body
    return initial


def preview_texts(draft: TermsDraft) -> list[tuple[str, Words, Text]]:
    """Each language as the person sees it."""
    texts = texts_of(draft)
    return [(code, name, texts.get(code, Text("", ""))) for code, name in languages()]


def typed_texts(form: TermsForm) -> list[tuple[str, Words, Text]]:
    """Texts as typed, by language, as the person would see them."""
    form.is_valid()
    given = form.cleaned_data
    return [
        (code, name, Text(given.get(f"title_{code}", ""), _lines(given.get(f"body_{code}", ""))))
        for code, name in languages()
    ]


def waiting_words(row: TermsDocument) -> list[Words]:
    """Consequences of publishing for requests in progress."""
    rows = TokenRequest.objects.filter(tokens__token_type__terms=row, state__in=BEFORE_ACCEPTANCE)
    number = rows.distinct().count()
    kept = _("What was accepted before stays accepted, and older versions stay readable.")
    if not number:
        return [_("No request waits for these terms."), kept]
    sentence = ngettext(
        "%(count)d request waits. Its person reads and accepts the new version.",
        "%(count)d requests wait. Each person reads and accepts the new version.",
        number,
    )
    return [sentence % {"count": number}, kept]


def meanwhile(row: TermsDocument, form: SeenForm) -> dict[str, Any]:
    """Context of an edit conflict: who changed the draft meanwhile; the input stays in the form."""
    draft = draft_of(row)
    data = QueryDict(mutable=True)
    data.update(form.data)
    for name, value in asdict(seen_of(row, draft)).items():
        data[name] = str(value)
    form.data = data
    rows = wording.history_of("terms", row.code).filter(facts__what__in=MOVES_ON)
    events = wording.timeline(rows[:1])
    found = [{"who": each.actor, "at": each.at, "fields": each.title} for each in events]
    return {"meanwhile" if draft else "ended_meanwhile": found[0]} if found else {}


def draft_of(row: TermsDocument) -> TermsDraft | None:
    """The draft of the document's next version."""
    found: TermsDraft | None = getattr(row, "draft", None)  # one that was looked for is kept on the row
    return found


def _current(row: TermsDocument) -> TermsVersion | None:
    return next((version for version in row.versions.all() if version.is_current), None)


def _texts(version: TermsVersion) -> dict[str, Text]:
    return {text.language: Text(text.title, text.body) for text in version.texts.all()}


def _current_number(row: TermsDocument) -> int:
    current = _current(row)
    return current.number if current else 0


def _types(row: TermsDocument) -> list[TokenType]:
    return list(TokenType.objects.active().filter(terms=row))
