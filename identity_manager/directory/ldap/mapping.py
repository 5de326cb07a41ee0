"""Mapping of LDAP attributes to a person: identity, fields, state and expiry."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.directory.contract import DirectoryPerson
from identity_manager.ldap_connection import Found
from identity_manager.models import EntryState

ACTIVE_DIRECTORY, GENERIC = "active-directory", "generic"
ACCOUNT_DISABLED = 0x2  # [MS-ADTS] 2.2.16, userAccountControl
NEVER = (0, 0x7FFFFFFFFFFFFFFF)  # [MS-ADTS] 2.2.3, accountExpires
FILETIME_BEGIN = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Mapping:
    """The mapping of one source. flavour: how identity, state and references are written."""

    configuration: SourceConfiguration
    flavour: str

    @property
    def is_active_directory(self) -> bool:
        return self.flavour == ACTIVE_DIRECTORY

    @property
    def id_attribute(self) -> str:
        return "objectGUID" if self.is_active_directory else "entryUUID"

    @property
    def change_attributes(self) -> tuple[str, ...]:
        return ("uSNChanged",) if self.is_active_directory else ("modifyTimestamp", "entryCSN")

    def changed(self, found: Found) -> str:
        """Comparable change marker: entryCSN (microseconds), else modifyTimestamp (seconds)."""
        return found.text("entryCSN") or found.text("modifyTimestamp")

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that a full reading asks for."""
        more = ("userAccountControl", "accountExpires") if self.is_active_directory else ()
        names = (attribute.name for attribute in self.configuration.fields.values())
        return tuple(dict.fromkeys((self.id_attribute, *self.change_attributes, *more, *names)))

    def id_of(self, found: Found) -> str:
        """The immutable id (objectGUID, entryUUID); empty if the server does not return it."""
        if not self.is_active_directory:
            return found.text("entryUUID").lower()
        values = found.attributes.get("objectguid", ())
        return str(uuid.UUID(bytes_le=bytes(values[0]))) if values and len(values[0]) == 16 else ""

    def key_of(self, found: Found) -> str:
        """The key by which managers and groups refer to the entry."""
        return self.id_of(found) if self.is_active_directory else normalised(found.dn)

    def reference(self, value: bytes) -> str:
        """The key of the entry that a value of manager or member refers to."""
        text = value.decode("utf-8", "replace")
        if self.is_active_directory:
            return text.partition("<GUID=")[2].partition(">")[0].lower()
        return normalised(text)

    def entry(self, found: Found) -> DirectoryPerson:
        """The person of an entry."""
        values = {
            name: self._value(found, name)
            for name in self.configuration.fields
            if name not in ("manager", "state")
        }
        state, expires_at = self._state(found), self._expiry(found)
        problem = "" if state is not None else _("The state of the entry is not one that the settings name.")
        return DirectoryPerson(
            external_id=self.id_of(found),
            key=self.key_of(found),
            values=values,
            state=state or EntryState.ACTIVE,
            manager=self._manager(found),
            expires_at=expires_at,
            problem=problem,
        )

    def _value(self, found: Found, name: str) -> str:
        attribute = self.configuration.fields[name]
        special = _SPECIAL.get(attribute.name.lower())
        values = found.attributes.get(attribute.name.lower(), ())
        text = special(bytes(values[0])) if special and values else found.text(attribute.name)
        return _language(text) if name == "language" and not attribute.values else attribute.mapped(text)

    def _manager(self, found: Found) -> str:
        attribute = self.configuration.fields.get("manager")
        values = found.attributes.get(attribute.name.lower(), ()) if attribute else ()
        return self.reference(values[0]) if values else ""

    def _state(self, found: Found) -> EntryState | None:
        control = found.text("userAccountControl")
        if self.is_active_directory and control.isdecimal() and int(control) & ACCOUNT_DISABLED:
            return EntryState.DISABLED
        attribute = self.configuration.fields.get("state")
        state_word = attribute.mapped(found.text(attribute.name)) if attribute else ""
        if not state_word:
            return EntryState.ACTIVE
        return EntryState(state_word) if state_word in set(EntryState) - {EntryState.ABSENT} else None

    def _expiry(self, found: Found) -> datetime | None:
        """accountExpires: 100 ns since 1601. userAccountControl does not say that it has passed."""
        text = found.text("accountExpires")
        number = int(text) if self.is_active_directory and text.isdecimal() else 0
        if number in NEVER:
            return None
        try:
            return FILETIME_BEGIN + timedelta(microseconds=number // 10)
        except OverflowError:
            return None


def normalised(dn: str) -> str:
    """A distinguished name for comparison, as servers write it: without case, and blanks beside commas."""
    return ",".join(part.strip() for part in dn.casefold().split(","))


def sid_text(value: bytes) -> str:
    """A security identifier in its usual form ([MS-DTYP] 2.4.2)."""
    if len(value) < 8 or len(value) != 8 + 4 * value[1]:
        return ""
    parts = [int.from_bytes(value[8 + 4 * n : 12 + 4 * n], "little") for n in range(value[1])]
    return "-".join(map(str, ("S", value[0], int.from_bytes(value[2:8], "big"), *parts)))


def _guid_text(value: bytes) -> str:
    return str(uuid.UUID(bytes_le=value)) if len(value) == 16 else ""


def _language(text: str) -> str:
    """The best supported language of preferredLanguage (RFC 2798 2.7), such as `de-DE, en;q=0.8`."""
    first = text.partition(",")[0].partition(";")[0].strip().lower()
    known = [code for code, _name in settings.LANGUAGES]
    return next((code for code in known if first == code or first.startswith(f"{code}-")), "")


_SPECIAL: dict[str, Callable[[bytes], str]] = {"objectsid": sid_text, "objectguid": _guid_text}
