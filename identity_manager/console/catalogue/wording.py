"""Versions of the catalogue in words: what a field is called, what its value says, what was done when."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.audit import Event
from identity_manager.catalogue.comparison import Change
from identity_manager.console.catalogue.forms import USAGES
from identity_manager.console.history import event_wording
from identity_manager.console.history.event_facts import done_with_it
from identity_manager.models import (
    ApprovalPolicy,
    AuditEvent,
    CertificateProfile,
    CertificatePurpose,
    PersonKind,
    TermsDocument,
)
from identity_manager.models.catalogue.token_type import CONTAINER_FORMATS, KEY_ALGORITHMS
from identity_manager.models.text_in_languages import languages
from identity_manager.models.words import Words
from identity_manager.ui import parts
from identity_manager.ui.parts import Meaning

HISTORY_SHOWN = 50
LABELS: dict[str, Words] = {
    "name": _("Name"),
    "description": _("What it is for"),
    "position": _("Place in lists"),
    "kinds": _("Kinds of person"),
    "approval": _("Needs approval"),
    "approvers_needed": _("Approvers"),
    "terms": _("Terms"),
    "profiles": _("Certificate profiles"),
    "validity_days": _("Valid for"),
    "renewal_days": _("Renewal begins"),
    "passphrase_days": _("Passphrase is destroyed after"),
    "container_retention_days": _("Files are removed after"),
    "key_algorithm": _("Keys"),
    "container_format": _("Format of the files"),
    "archive_key": _("Keys are archived"),
    "purpose": _("Purpose"),
    "subject": _("Subject"),
    "subject_alt_names": _("Alternative names"),
    "include_sid": _("Security identifier for Windows"),
    "key_usage": _("Key usage"),
    "extended_key_usage": _("Extended key usage"),
    "policies": _("Certificate policies"),
    "ca": _("Certificate authority"),
    "ca_profile": _("Profile name at the authority"),
    "longest_validity_days": _("Longest validity"),
}
DAYS = {
    "validity_days",
    "renewal_days",
    "passphrase_days",
    "container_retention_days",
    "longest_validity_days",
}
MONO = {"subject", "subject_alt_names", "policies", "ca_profile", "key_usage"}
CHOICES: dict[str, dict[Any, Words]] = {
    "approval": dict(ApprovalPolicy.choices),
    "kinds": dict(PersonKind.choices),
    "key_algorithm": dict(KEY_ALGORITHMS),
    "container_format": dict(CONTAINER_FORMATS),
    "purpose": dict(CertificatePurpose.choices),
    "extended_key_usage": dict(USAGES),
}


@dataclass(frozen=True)
class Difference:
    """One field of two versions, in words: each side is a list of lines."""

    label: Words
    before: list[str]
    after: list[str]
    mono: bool


def lines(field: str, value: Any) -> list[str]:
    """The value of a field as lines of words; nothing where there is none."""
    if value is None or value == "" or value == []:
        return []
    if field in {"subject", "subject_alt_names"}:
        return [f"{kind} = {template}" for kind, template in value]
    if field == "profiles":
        return _profile_names(value)
    if isinstance(value, list):
        return [_word(field, each) for each in value]
    if isinstance(value, dict):
        return _in_languages(value)
    return [_word(field, value)]


def differences(changes: Iterable[Change]) -> list[Difference]:
    """The changes in words."""
    return [
        Difference(
            LABELS[change.field],
            lines(change.field, change.before),
            lines(change.field, change.after),
            change.field in MONO,
        )
        for change in changes
    ]


def timeline(events: Iterable[AuditEvent]) -> list[parts.TimelineEvent]:
    """What was done with an entry, newest first as the events come."""
    return [_told(event) for event in events]


def history_of(kind: str, code: str) -> QuerySet[AuditEvent]:
    """What was done with the versions of one code, newest first; kind: profile, type or terms."""
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
    fields = [_called(change["field"]) for change in facts.get("changes", ())]
    return ", ".join(dict.fromkeys(fields))


def _called(field: str) -> str:
    """The label; until release 1.0, a text had one field for each language, such as `name_de`."""
    return str(LABELS.get(field) or LABELS.get(field.rpartition("_")[0]) or field)


def _told(event: AuditEvent) -> parts.TimelineEvent:
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


def _word(field: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if field in DAYS:
        return ngettext("%(count)d day", "%(count)d days", value) % {"count": value}
    if field == "terms":
        return _terms_name(value)
    return str(CHOICES.get(field, {}).get(value, value))


def _in_languages(texts: dict[str, str]) -> list[str]:
    """The text, with the name of its language where the installation has several."""
    if len(settings.LANGUAGES) == 1:
        return list(texts.values())
    names = dict(languages())
    in_order = [*(each for each in names if each in texts), *(each for each in texts if each not in names)]
    return [f"{names.get(each, each)}: {texts[each]}" for each in in_order]


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
