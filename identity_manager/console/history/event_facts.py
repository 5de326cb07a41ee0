"""Facts of audit events in words, for the history."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from identity_manager.jobs import schedule
from identity_manager.models import PersonKind
from identity_manager.models.people.person import field_name
from identity_manager.models.requests.end_reason import END_REASONS
from identity_manager.models.words import Vocabulary, Words
from identity_manager.ui import dates
from identity_manager.ui.parts import Meaning
from identity_manager.ui.punctuation import labelled
from identity_manager.vault.wrapping import Purpose
from identity_manager.workflow.issuance import failures

Facts = Mapping[str, Any]
LISTS = Vocabulary(
    "exported lists",
    {
        **dict(PersonKind.choices),
        "certificate": _("Certificate"),
        "request": _("Request"),
        "audit-event": _("Audit log"),
        "audit-pack": _("Audit pack"),
        "terms-acceptance": _("Acceptance of terms"),
        "batch-order": _("Batch order"),
        "officer": _("Officers"),
        "recertification": _("Recertification of roles"),
        "report": _("Report"),
        "configuration": _("Configuration"),
    },
)
KEYS = Vocabulary(
    "purposes of keys",
    {
        Purpose.PRIVATE_KEYS: _("Private keys"),
        Purpose.PASSPHRASES: _("Passphrases"),
        Purpose.OTHER: _("Other secrets"),
        Purpose.ARCHIVE: _("Key archive"),
        Purpose.SHARE_TRANSPORT: _("Shares on their way to a worker"),
        Purpose.RECOVERY_KEYS: _("Online recovery keys"),
        "audit": _("Audit log"),
    },
)
# What the catalogue has, by the first part of the event's fact `what`.
CATALOGUE = Vocabulary(
    "parts of the catalogue",
    {
        "type": _("Token type"),
        "profile": _("Certificate profile"),
        "terms": _("Terms"),
        "looks": _("Looks"),
        "mail": _("Mail text"),
    },
)
# What was done with a version or a document, by the last part of the event's fact `what`.
DONE_WITH_IT: dict[str, tuple[Words, Meaning, str]] = {
    "added": (_("Was begun"), Meaning.INFORMATION, "plus"),
    "changed": (_("Was changed"), Meaning.QUIET, "edit"),
    "asked": (_("Its activation was asked for"), Meaning.WAITING, "send"),
    "refused": (_("Its activation was refused"), Meaning.STOPPED, "x"),
    "terms-asked": (_("Its publication was asked for"), Meaning.WAITING, "send"),
    "terms-refused": (_("Its publication was refused"), Meaning.STOPPED, "x"),
    "looks-retired": (_("Our own looks came back"), Meaning.INFORMATION, "refresh"),
    "mail-retired": (_("The text of the product is in use again"), Meaning.STOPPED, "history"),
    "tested": (_("A test was mailed"), Meaning.QUIET, "mail"),
    "activated": (_("Was put in force"), Meaning.DONE, "check"),
    "retired": (_("Is offered no more"), Meaning.STOPPED, "pause"),
    "discarded": (_("The draft was discarded"), Meaning.STOPPED, "trash"),
    "renamed": (_("Was given another name"), Meaning.QUIET, "edit"),
    "draft-saved": (_("The draft was saved"), Meaning.QUIET, "edit"),
    "published": (_("A version was published"), Meaning.DONE, "check"),
}


def done_with_it(facts: Facts) -> tuple[Words, Meaning, str] | None:
    """Action on a catalogue entry: words, meaning, icon; None if unknown."""
    what = str(facts.get("what", ""))
    return DONE_WITH_IT.get(what) or DONE_WITH_IT.get(what.partition("-")[2])


def fact(name: str) -> Callable[[Facts], str]:
    return lambda facts: str(facts.get(name, ""))


def chosen(name: str, choices: Iterable[tuple[str, Any]]) -> Callable[[Facts], str]:
    """The fact in the words of the forms' choices."""
    words = dict(choices)
    return lambda facts: str(words.get(facts.get(name, ""), facts.get(name, "")))


def moment(name: str) -> Callable[[Facts], str]:
    return lambda facts: dates.exact(datetime.fromisoformat(facts[name])) if facts.get(name) else ""


def listed(name: str) -> Callable[[Facts], str]:
    return lambda facts: ", ".join(str(each) for each in facts.get(name, ()))


def types_and_purpose(facts: Facts) -> str:
    return labelled(", ".join(facts.get("types", ())), facts.get("what_for", ""))


def exported(facts: Facts) -> str:
    what = LISTS.in_words(facts.get("what", ""))
    return labelled(what, number_format(facts.get("rows", 0), force_grouping=True))


def fields(facts: Facts) -> str:
    return ", ".join(str(field_name(name)) for name in facts.get("fields", ()))


def why(facts: Facts) -> str:
    """A reason: typed text, or an end reason in words."""
    return str(END_REASONS.in_words(str(facts.get("reason", ""))))


def failure(facts: Facts) -> str:
    """A failure in the reader's language; older rows have a sentence."""
    return failures.for_officers(facts.get("code", ""), dict(facts)) or str(facts.get("reason", ""))


def types_and_reason(facts: Facts) -> str:
    return labelled(", ".join(facts.get("types", ())), facts.get("reason", ""))


def approval(facts: Facts) -> str:
    """Progress of approvals: "2 of 3, as a deputy"; the request says of whom."""
    counts = facts.get("counts", {})
    words: list[Words] = []
    if counts:
        given = counts["needed"] - counts["missing"]
        words.append(_("%(given)d of %(needed)d") % {"given": given, "needed": counts["needed"]})
    if facts.get("deputyship"):
        words.append(_("as a deputy"))
    return ", ".join(map(str, words))


def deputy(facts: Facts) -> str:
    """For which unit, if not all, and the days: "Nord, 2026-11-30 – 2026-12-12"."""
    days = f"{facts.get('valid_from', '')} – {facts.get('valid_until', '')}"
    return ", ".join(filter(None, [facts.get("unit", ""), days]))


def checked(facts: Facts) -> str:
    counts = facts.get("counts", {})
    return _("%(events)s events, %(findings)s findings") % {
        "events": counts.get("events", 0),
        "findings": counts.get("findings", 0),
    }


def for_emergencies(facts: Facts) -> str:
    return str(_("Emergency account")) if facts.get("break_glass") else ""


def numbers(facts: Facts) -> str:
    return f"#{facts.get('first', '')} – #{facts.get('last', '')}"


def catalogue(facts: Facts) -> str:
    """Change of a catalogue version: "Token type vpn · Version 3 · Was put in force"."""
    kind, _hyphen, done = str(facts.get("what", "")).partition("-")
    number = _("Version %(number)s") % {"number": facts["number"]} if facts.get("number") else ""
    words, _meaning, _icon = done_with_it(facts) or (done, Meaning.QUIET, "")
    entry = f"{CATALOGUE.in_words(kind)} {facts.get('code', '')}".strip()
    return " · ".join(filter(None, [entry, str(number), str(words)]))


def job(facts: Facts) -> str:
    """The job's label; its name where it does not exist any more."""
    known = schedule.named(facts.get("job", ""))
    return str(known.label if known else facts.get("job", ""))


def provider(facts: Facts) -> str:
    """Name of the single sign-on provider; its id where the settings do not have it any more."""
    known = settings.SSO_PROVIDERS.get(facts.get("provider", ""))
    return str(known.name if known else facts.get("provider", ""))
