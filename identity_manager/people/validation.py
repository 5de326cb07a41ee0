"""Validation and normalisation of a person's fields, for forms, imports and commands."""

import functools
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import regex
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ca_bridge.errors import CaError
from ca_bridge.x509.names import forbidden_characters
from identity_manager.models import Person, PersonKind, PersonState
from identity_manager.people.identity import email_addresses, principal_names, security_identifiers
from identity_manager.person_fields import REQUIRED_FIELDS, TEXT_FIELDS

MISSING = {
    "personnel_number": gettext_lazy("Enter the personnel number."),
    "given_name": gettext_lazy("Enter the given name."),
    "surname": gettext_lazy("Enter the surname."),
}
NAMES = ("given_name", "surname", "display_name")
# Spreadsheet formulas in exports (CWE-1236).
_FORMULA = ("=", "+", "-", "@")
_LETTER = regex.compile(r"[\p{L}\p{N}]")
# Invisible characters, and blanks that are no space: two names would look alike.
_UNSEEN = regex.compile(r"\p{Default_Ignorable_Code_Point}")
_BLANK = regex.compile(r"[\u2800\U00013441\U00013442\U0001D159\s]")


@dataclass(frozen=True)
class FieldError:
    """An invalid field and the sentence why."""

    field: str
    sentence: str


@dataclass
class Cleaned:
    """Normalised values, and the errors of the others."""

    values: dict[str, str] = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)


def clean(given: Mapping[str, str]) -> Cleaned:
    """Validate and normalise the given fields of a person, each as text; REQUIRED_FIELDS must be among them.

    manager is a personnel number; whether that person exists is for the caller to check. Optional fields
    may be empty.
    """
    result = Cleaned(
        errors=[FieldError(name, str(MISSING[name])) for name in REQUIRED_FIELDS if name not in given]
    )
    for name, raw in given.items():
        value = unicodedata.normalize("NFC", raw.strip())
        sentence = _text_problem(name, value)
        if not sentence and value and name in _CHECKS:
            try:
                value = _CHECKS[name](value)
            except CaError as error:
                sentence = str(error.message)
        if sentence:
            result.errors.append(FieldError(name, sentence))
        else:
            result.values[name] = value
    return result


def _text_problem(name: str, value: str) -> str:
    """Problem of a text of any field, as a sentence; empty where there is none."""
    if not value:
        return str(MISSING.get(name, ""))
    if found := _not_allowed(name, value):
        return _("Holds characters that are not allowed: %(found)s.") % {"found": ", ".join(found)}
    if name in TEXT_FIELDS and value.startswith(_FORMULA):
        return _("Begins with %(sign)s, which spreadsheets take for a formula.") % {"sign": value[0]}
    if not (seen := _BLANK.sub("", value)):
        return _("Shows nothing but blanks.")
    if name in NAMES and not _LETTER.search(seen):
        return _("Holds no letter.")
    if len(value) > _longest(name):
        return _("Is longer than %(bound)s characters.") % {"bound": _longest(name)}
    return ""


def _not_allowed(name: str, value: str) -> list[str]:
    """Code points that the field must not hold, each once."""
    unseen = _UNSEEN.findall(value) if name in TEXT_FIELDS else []
    return list(dict.fromkeys((*forbidden_characters(value), *(f"U+{ord(each):04X}" for each in unseen))))


@functools.cache
def _longest(name: str) -> int:
    column: Any = Person._meta.get_field("personnel_number" if name == "manager" else name)
    return int(column.max_length)


def _known(choices: Callable[[], set[str]]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value.lower() in choices():
            return value.lower()
        raise CaError(
            _("Is not known; known are: %(known)s.") % {"known": ", ".join(sorted(choices()))},
            permanent=True,
        )

    return check


def _time_zone(value: str) -> str:
    if value not in _time_zones():
        raise CaError(_("Is not a time zone such as Europe/Berlin."), permanent=True)
    return value


@functools.cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


_CHECKS: dict[str, Callable[[str], str]] = {
    "email": email_addresses.canonical,
    "upn": principal_names.canonical,
    "sid": security_identifiers.canonical,
    "kind": _known(lambda: set(PersonKind.values)),
    "language": _known(lambda: {code for code, _name in settings.LANGUAGES}),
    "state": _known(lambda: set(PersonState.values)),
    "time_zone": _time_zone,
}


def unfit(person: Person) -> list[FieldError]:
    """Stored values of the person that today's rules would refuse."""
    kept = {name: getattr(person, name) for name in TEXT_FIELDS if name != "manager"}
    return clean({name: value for name, value in kept.items() if value or name in REQUIRED_FIELDS}).errors


def compose_display_name(given_name: str, surname: str) -> str:
    """Display name from given name and surname, where the source has none."""
    return f"{given_name} {surname}".strip()
