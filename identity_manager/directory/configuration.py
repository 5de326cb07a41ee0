"""Directory sources, as configured in DIRECTORY_SOURCES. Needs no models: settings are read before them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.configured_names import is_name
from identity_manager.person_fields import DIRECTORY_FIELDS, REQUIRED_FIELDS

KINDS = ("ldap", "csv", "scim")
KEYS = frozenset(
    {
        *("kind", "name", "every_minutes", "ids_every_hours", "fields", "options", "trust", "leavers"),
        "lock_after_days",
    }
)
TRUST = frozenset({"upn_suffixes", "sid_domains"})
HOLD, LOCK = "hold", "lock"
LEAVERS = {"leaving": HOLD, "disabled": HOLD, "expired": HOLD, "absent": HOLD}


@dataclass(frozen=True)
class Attribute:
    """The attribute that a field is read from. values: source values mapped to ours; empty: unchanged."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict)
    default: str = ""

    def mapped(self, found: str) -> str:
        """The value of the field for this value of the attribute."""
        return self.values.get(found.casefold(), self.default) if self.values else found or self.default


@dataclass(frozen=True)
class SourceConfiguration:
    """One entry of DIRECTORY_SOURCES. secret: the source's password or key; no page shows it.

    fields: of a person, which the source owns. leavers: hold or lock, by the state in the source.
    lock_after: how long somebody is absent before they are Locked. upn_suffixes, sid_domains: new identities
    within them are trusted without a second officer.
    """

    id: str
    kind: str
    name: str
    every: timedelta
    ids_every: timedelta
    fields: Mapping[str, Attribute]
    options: Mapping[str, Any]
    leavers: Mapping[str, str]
    lock_after: timedelta
    upn_suffixes: tuple[str, ...] = ()
    sid_domains: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)

    @property
    def digest(self) -> str:
        """Hash of the settings that determine what is read: a cursor is valid only for the same hash."""
        given = {"kind": self.kind, "options": self.options, "fields": self.fields}
        return hashlib.sha256(json.dumps(given, sort_keys=True, default=vars).encode()).hexdigest()

    def effect_of(self, state: str) -> str:
        """hold or lock, for somebody who is no longer active in the source. state: in the source."""
        return LOCK if state == "locked" else self.leavers[state]

    def trusts(self, name: str, value: str) -> bool:
        """Whether an e-mail, UPN or SID from this source is trusted without a second officer.

        If neither suffixes nor domains are set, a file is never trusted, and a directory always
        (docs/how-to/directory.md).
        """
        if self.kind == "csv":
            return False
        if name == "upn" and self.upn_suffixes:
            return value.rpartition("@")[2].lower() in self.upn_suffixes
        if name == "sid" and self.sid_domains:
            return value.rpartition("-")[0] in self.sid_domains
        return True


def parse(source_id: str, given: Any, *, secret: str) -> SourceConfiguration:
    """Parse one entry of DIRECTORY_SOURCES. Raises ImproperlyConfigured, without the secret."""
    if not isinstance(given, dict) or not is_name(source_id):
        raise _wrong(source_id, "must be a JSON object under a name of lower case letters, digits, hyphens")
    _refuse_unknown(source_id, given, KEYS)
    if given.get("kind") not in KINDS:
        raise _wrong(source_id, f"needs kind, one of {', '.join(KINDS)}")
    trust = _object(source_id, given, "trust")
    _refuse_unknown(source_id, trust, TRUST)
    return SourceConfiguration(
        id=source_id,
        kind=given["kind"],
        name=str(given.get("name") or source_id),
        every=timedelta(minutes=_number(source_id, given, "every_minutes", 15, least=1)),
        ids_every=timedelta(hours=_number(source_id, given, "ids_every_hours", 24, least=1)),
        fields=_fields(source_id, _object(source_id, given, "fields")),
        options=_object(source_id, given, "options"),
        leavers=_leavers(source_id, _object(source_id, given, "leavers")),
        lock_after=timedelta(days=_number(source_id, given, "lock_after_days", 30, least=0)),
        upn_suffixes=tuple(each.lower().lstrip("@") for each in _texts(source_id, trust, "upn_suffixes")),
        sid_domains=_texts(source_id, trust, "sid_domains"),
        secret=secret,
    )


def _fields(source_id: str, given: Mapping[str, Any]) -> dict[str, Attribute]:
    _refuse_unknown(source_id, given, frozenset(DIRECTORY_FIELDS), "fields")
    if missing := [name for name in REQUIRED_FIELDS if name not in given]:
        raise _wrong(source_id, f"needs in fields {', '.join(missing)}")
    return {name: _attribute(source_id, name, each) for name, each in given.items()}


def _attribute(source_id: str, name: str, given: Any) -> Attribute:
    if isinstance(given, str) and given:
        return Attribute(given)
    if not isinstance(given, dict) or not isinstance(given.get("attribute"), str):
        raise _wrong(source_id, f"has in fields for {name} an attribute, or an object with attribute")
    _refuse_unknown(source_id, given, {"attribute", "values", "default"}, name)
    values = {str(old).casefold(): str(new) for old, new in dict(given.get("values", {})).items()}
    return Attribute(given["attribute"], values, str(given.get("default", "")))


def _leavers(source_id: str, given: Mapping[str, Any]) -> dict[str, str]:
    _refuse_unknown(source_id, given, LEAVERS, "leavers")
    if any(effect not in (HOLD, LOCK) for effect in given.values()):
        raise _wrong(source_id, "has in leavers either hold or lock")
    return LEAVERS | dict(given)


def _refuse_unknown(source_id: str, given: Mapping[str, Any], known: Iterable[str], where: str = "") -> None:
    if unknown := sorted(set(given) - set(known)):
        place = f" in {where}" if where else ""
        raise _wrong(
            source_id, f"does not know{place} {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )


def _object(source_id: str, given: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = given.get(name, {})
    if not isinstance(value, dict):
        raise _wrong(source_id, f"needs {name} as a JSON object")
    return value


def _texts(source_id: str, given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = given.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _wrong(source_id, f"needs {name} as a list of texts")
    return tuple(value)


def _number(source_id: str, given: Mapping[str, Any], name: str, default: int, *, least: int) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _wrong(source_id, f"needs {name} as a whole number, at least {least}")
    return value


def _wrong(source_id: str, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"DIRECTORY_SOURCES: {source_id} {what}.")
