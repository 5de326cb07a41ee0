"""ADMIN, Mail texts: each mail as people get it, in each language, and the company's own text of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from django.utils import translation
from liquid.exceptions import LiquidError

from identity_manager.catalogue import mail_texts, versions
from identity_manager.catalogue.terms_content import Text
from identity_manager.console.catalogue import terms_comparison
from identity_manager.console.catalogue import wording as catalogue_words
from identity_manager.console.catalogue.pages import may_edit, waits_for
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.mail_texts.forms import SeenForm, TextForm
from identity_manager.mail import specimens
from identity_manager.mail.company_texts.wording import UnusableError, Wording
from identity_manager.mail.registry import MAILS, title_of
from identity_manager.models import MailText, OutgoingMail, Person, VersionState
from identity_manager.models.mail.outgoing_mail import NOTICES
from identity_manager.models.text_in_languages import best_of
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.parts import Tab

OURS = "ours"
NOTHING: Mapping[str, str] = {}
MOVES_ON = ("mail-draft-saved", "mail-discarded", "mail-activated")


@dataclass(frozen=True)
class MailTextLine:
    """One mail of the list. own, drafts: the languages in which the company has a text, or a draft."""

    name: str
    called: str
    subject: str
    to: Words
    when: Words
    url: str
    own: list[Words]
    drafts: list[Words]
    fails: bool


def language_label(code: str) -> Words:
    """The name of a language; the code of one that is not offered any more."""
    names: dict[str, Words] = dict(settings.LANGUAGES)
    return names.get(code, code)


def listing() -> dict[str, Any]:
    """Every mail, subject by subject."""
    rows = MailText.objects.exclude(state=VersionState.RETIRED).order_by("code")
    found: dict[str, list[MailText]] = {}
    for row in rows:
        found.setdefault(row.message, []).append(row)
    return {"lines": [_line(name, found.get(name, [])) for name in specimens.names()]}


def context(
    actor: Person,
    name: str,
    language: str,
    *,
    form: VerbForm | None = None,
    query: Mapping[str, str] = NOTHING,
) -> dict[str, Any]:
    """One mail in one language, made of somebody who does not exist, and the company's text of it.

    query: what the address asks for: how much of the history, and what a draft is compared with.
    """
    current, draft = mail_texts.in_force(name, language), mail_texts.draft_of(name, language)
    code = MailText.code_of(name, language)
    return {
        **_head(name, language),
        "mail": shown(name, language, current),
        "form": form or SeenForm(),
        "current": current,
        "versions": MailText.objects.filter(code=code).exclude(state=VersionState.DRAFT).order_by("-number"),
        "may_edit": may_edit(actor),
        "history": catalogue_words.history_page("mail", code, asked=query.get("history")),
        "here": _url("mail-text", name, language),
        **(
            _of_draft(actor, current, draft, with_ours=query.get("compared") == OURS)
            if draft
            else {"may_activate": False}
        ),
    }


def _head(name: str, language: str) -> dict[str, Any]:
    kind = MAILS[name]
    return {
        "name": name,
        "language": language,
        "title": title_of(name),
        "to": kind.to,
        "when": kind.when,
        "is_notice": name in NOTICES,
        "sender": settings.DEFAULT_FROM_EMAIL,
        "html_url": _url("mail-text-html", name, language),
        "languages": [
            Tab(label, _url("mail-text", name, code), current=code == language)
            for code, label in settings.LANGUAGES
        ],
    }


def _of_draft(actor: Person, current: MailText | None, draft: MailText, *, with_ours: bool) -> dict[str, Any]:
    """Context of a draft: content, differences and actions."""
    name, language = draft.message, draft.language
    own = settings.CATALOGUE_FOUR_EYES and draft.editors.filter(pk=actor.pk).exists()
    faults = mail_texts.faults(name, language, mail_texts.wording_of(draft))
    return {
        "draft": draft,
        "seen": mail_texts.seen_of(name, language),
        "faults": [(field, str(fault)) for field, found in faults.items() for fault in found],
        "draft_mail": None if faults else shown(name, language, draft),
        "draft_url": _url("mail-text-draft-html", name, language),
        **_compared(draft, current, with_ours=with_ours),
        "lacking": mail_texts.activation_obstacle(draft),
        "may_activate": not own,
        "own_draft_reason": versions.OWN_DRAFT,
        **waits_for(draft, own=own),
    }


def write_context(name: str, language: str, form: TextForm, *, previewed: bool) -> dict[str, Any]:
    """The editor: what was typed, the placeholders, and a preview of what was typed."""
    found = {**_head(name, language), "form": form, "back": _url("mail-text", name, language)}
    found["placeholders"] = specimens.placeholders_of(name, language=language)
    conditions = [each.name for each in found["placeholders"] if each.is_condition or each.may_be_empty]
    found["condition_example"] = next(iter(conditions), "person.name")
    if previewed and form.is_valid():
        faults = mail_texts.faults(name, language, form.wording)
        if faults:
            form.show(faults)
        else:
            found["sample"] = mail_texts.sample(name, language, form.wording)
    return found


def version_context(actor: Person, entry: MailText, *, query: Mapping[str, str]) -> dict[str, Any]:
    """One version, and what the one before said, or the product's own text."""
    rows = MailText.objects.filter(code=entry.code, number__lt=entry.number)
    before = rows.order_by("-number").first()
    return {
        **_head(entry.message, entry.language),
        "language_label": language_label(entry.language),
        "row": entry,
        "may_edit": may_edit(actor),
        **_compared(entry, before, with_ours=query.get("compared") == OURS),
    }


def initial(name: str, language: str, *, base: str | None = None) -> dict[str, Any]:
    """Initial values of the form: version number base, else the draft, that in force, the product's own."""
    code = MailText.code_of(name, language)
    chosen = MailText.objects.filter(code=code, number=base).first() if base and base.isdecimal() else None
    entry = chosen or mail_texts.draft_of(name, language) or mail_texts.in_force(name, language)
    wording = mail_texts.wording_of(entry) if entry else specimens.beginning(name, language=language)
    return {
        "subject": wording.subject,
        "body": wording.body,
        "seen": mail_texts.seen_of(name, language),
    }


def meanwhile(name: str, language: str, form: TextForm) -> dict[str, Any]:
    """Context of an edit conflict: who changed the draft meanwhile; the input stays in the form."""
    data = QueryDict(mutable=True)
    data.update(form.data)
    data["seen"] = mail_texts.seen_of(name, language)
    form.data = data
    rows = catalogue_words.history_of("mail", MailText.code_of(name, language))
    events = catalogue_words.timeline(rows.filter(facts__what__in=MOVES_ON)[:1])
    found = [{"who": each.actor, "at": each.at, "fields": each.title} for each in events]
    there = mail_texts.draft_of(name, language) is not None
    return {"meanwhile" if there else "ended_meanwhile": found[0]} if found else {}


def shown(name: str, language: str, entry: MailText | None) -> OutgoingMail:
    """The sample with this version; with the product's own text where there is none, or it fails."""
    wording: Wording | None = mail_texts.wording_of(entry) if entry else None
    try:
        return specimens.specimen(name, language=language, wording=wording)
    except (LiquidError, UnusableError):
        return specimens.specimen(name, language=language)


def refusal_obstacle(name: str, language: str, actor: Person) -> Reason | None:
    """Why the officer cannot refuse the draft of the text, or None."""
    draft = mail_texts.draft_of(name, language)
    if draft is None:
        return mail_texts.NO_DRAFT
    return versions.asking_obstacle(draft) or versions.other_eyes_obstacle(draft, actor=actor)


def _compared(entry: MailText, before: MailText | None, *, with_ours: bool) -> dict[str, Any]:
    """Differences between the entry and its predecessor, or the product's own text if requested.

    The first version is always compared with the product's own text.
    """
    other = None if with_ours else before
    ours = specimens.beginning(entry.message, language=entry.language)
    texts = [{entry.language: Text(each.subject, each.body)} for each in (other or ours, entry)]
    found = terms_comparison.comparisons(*texts)
    return {
        "comparisons": [each for each in found if each.code == entry.language],
        "compared_with": other,
        "may_compare": before,
    }


def _line(name: str, rows: list[MailText]) -> MailTextLine:
    language = best_of(dict(settings.LANGUAGES), translation.get_language()) or settings.LANGUAGE_CODE
    in_force = [row for row in rows if row.state == VersionState.ACTIVE]
    current = next((row for row in in_force if row.language == language), None)
    return MailTextLine(
        name=name,
        called=title_of(name),
        subject=shown(name, language, current).subject,
        to=MAILS[name].to,
        when=MAILS[name].when,
        url=_url("mail-text", name, language),
        own=[language_label(row.language) for row in in_force],
        drafts=[language_label(row.language) for row in rows if row.state == VersionState.DRAFT],
        fails=any(row.is_failing for row in in_force),
    )


def _url(what: str, name: str, language: str) -> str:
    return reverse(f"console:{what}", args=[name, language])
