"""Catalogue versions as text for people: labels of fields, values, and history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.catalogue.comparison import FieldChange
from identity_manager.console.history import event_wording
from identity_manager.console.history.event_facts import done_with_it
from identity_manager.models import (
    AuditEvent,
    CertificateProfile,
    TermsDocument,
    TokenType,
)
from identity_manager.models.catalogue.entry_fields import content_fields
from identity_manager.models.text_in_languages import languages
from identity_manager.models.words import Words
from identity_manager.ui import parts
from identity_manager.ui.parts import Meaning
from identity_manager.ui.punctuation import labelled

HISTORY_SHOWN = 50
# By their words in events.
MODELS: dict[str, type[Model]] = {"type": TokenType, "profile": CertificateProfile}
MONO = {"subject", "subject_alt_names", "policies", "ca_profile", "key_usage"}


@dataclass(frozen=True)
class Difference:
    """One field of two versions, in words: each side is a list of lines."""

    label: Words
    before: list[str]
    after: list[str]
    mono: bool


def lines(field: Any, value: Any) -> list[str]:
    """The value of a model's field as lines of words; nothing where there is none."""
    if value is None or value == "" or value == []:
        return []
    if isinstance(value, dict):
        return _in_languages(value)
    if field.many_to_many:
        return _profile_names(value)
    choices = dict(getattr(field, "item_choices", None) or field.flatchoices)
    return [_word(field, choices.get(each, each)) for each in _each(value)]


def differences(changes: Iterable[FieldChange], model: type[Model]) -> list[Difference]:
    """The changes of an entry in words."""
    fields = content_fields(model)
    return [
        Difference(
            fields[change.field].verbose_name,
            lines(fields[change.field], change.before),
            lines(fields[change.field], change.after),
            change.field in MONO,
        )
        for change in changes
    ]


def content(values: Mapping[str, Any], model: type[Model]) -> list[Difference]:
    """Content of an entry in words: each of its fields."""
    return differences((FieldChange(name, None, value) for name, value in values.items()), model)


def timeline(events: Iterable[AuditEvent]) -> list[parts.TimelineEvent]:
    """Timeline of an entry, newest first as the events come."""
    return [_timeline_event(event) for event in events]


def history_of(kind: str, code: str) -> QuerySet[AuditEvent]:
    """Audit events of the versions of one code, newest first; kind: profile, type or terms."""
    rows = AuditEvent.objects.filter(
        name=Event.CATALOGUE_CHANGED.value, facts__code=code, facts__what__startswith=f"{kind}-"
    )
    return rows.select_related("actor").order_by("-pk")


def history_page(kind: str, code: str, *, asked: str | None) -> "Page[Any]":
    """The same as a timeline, at the page that the address says, if any."""
    page: Page[Any] = Paginator(history_of(kind, code), HISTORY_SHOWN).get_page(asked)
    page.object_list = timeline(page.object_list)
    return page


def changed_fields(facts: dict[str, Any]) -> str:
    """The fields of one audited change: "Name, Valid for"."""
    fields = content_fields(MODELS[facts["what"].partition("-")[0]]) if "changes" in facts else {}
    called = [_called(fields, change["field"]) for change in facts.get("changes", ())]
    return ", ".join(dict.fromkeys(called))


def _called(fields: Mapping[str, Any], name: str) -> str:
    """The label; until release 1.0, a text had one field for each language, such as `name_de`."""
    field = fields.get(name) or fields.get(name.rpartition("_")[0])
    return str(field.verbose_name) if field else name


def _timeline_event(event: AuditEvent) -> parts.TimelineEvent:
    facts = event.facts
    title, meaning, icon = done_with_it(facts) or (_("Was changed"), Meaning.QUIET, "edit")
    number = _("Version %(number)s") % {"number": facts["number"]} if "number" in facts else ""
    details = [str(number), changed_fields(facts), str(facts.get("reason", ""))]
    return parts.TimelineEvent(
        at=event.at,
        title=title,
        actor=str(event.actor) if event.actor else event_wording.SYSTEM,
        detail=" · ".join(filter(None, details)),
        meaning=meaning,
        icon=icon,
    )


def _each(value: Any) -> list[Any]:
    """The parts of a list, pairs of an attribute and its template in one; else the value alone."""
    parts = value if isinstance(value, list) else [value]
    return [" = ".join(each) if isinstance(each, list) else each for each in parts]


def _word(field: Any, value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    return _terms_name(value) if field.many_to_one else str(value)


def _in_languages(texts: dict[str, str]) -> list[str]:
    """The text, with the name of its language where the installation has several."""
    if len(settings.LANGUAGES) == 1:
        return list(texts.values())
    names = dict(languages())
    in_order = [*(each for each in names if each in texts), *(each for each in texts if each not in names)]
    return [labelled(names.get(each, each), texts[each]) for each in in_order]


def _terms_name(code: str) -> str:
    return str(TermsDocument.objects.filter(code=code).first() or code)


def _profile_names(pinned: list[str]) -> list[str]:
    """`code number` as names that people know, all of them read at once."""
    codes = {each.rpartition(" ")[0] for each in pinned}
    rows = CertificateProfile.objects.filter(code__in=codes)
    names = {
        f"{row.code} {row.number}": str(
            _("%(name)s, version %(number)s") % {"name": row.name, "number": row.number}
        )
        for row in rows
    }
    return [names.get(each, each) for each in pinned]
