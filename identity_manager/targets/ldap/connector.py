"""LDAP and Active Directory as a target: single values of userCertificate are added and removed.

The attribute is never replaced: concurrent read-modify-replace loses updates, ADD and DELETE of one value do
not. slapd compares certificates by issuer and serial (certificateExactMatch, RFC 4523 2.5.1), Active
Directory by bytes; so a value is read and compared by bytes before its DELETE, or slapd could remove another
certificate with equal issuer and serial.
"""

import hashlib
import uuid
from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from identity_manager.ldap_connection import Found, LdapClient, LdapError, Server, ValueChange, filter_value
from identity_manager.targets.configuration import TargetConfiguration
from identity_manager.targets.contract import (
    Doubtful,
    Held,
    Item,
    NoPlace,
    Presence,
    Put,
    Refused,
    Unavailable,
)
from identity_manager.targets.ldap.options import ACTIVE_DIRECTORY, LdapOptions

# RFC 4511 appendix A.2
SUCCESS, NO_SUCH_ATTRIBUTE, EXISTS, NO_SUCH_OBJECT, NO_RIGHTS = 0, 16, 20, 32, 50
PASSING = (3, 11, 51, 52)  # timeLimitExceeded, adminLimitExceeded, busy, unavailable


class LdapTarget:
    """One directory, over one connection that is opened with the first call.

    Subclasses define the written value (value_of), and the permitted entries (_admit).
    """

    OLDER = "userSMIMECertificate"  # Outlook prefers it to userCertificate; *Publish to GAL* writes it

    def __init__(self, configuration: TargetConfiguration) -> None:
        self.options: LdapOptions = configuration.options
        self._secret = configuration.secret
        self._opened: LdapClient | None = None
        self._located: dict[str, Found] = {}

    def close(self) -> None:
        """Unbind."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        self._located.clear()

    def value_of(self, item: Item) -> bytes:
        """The attribute value of an item: the certificate (DER)."""
        return item.certificate

    def mark(self, item: Item) -> str:
        """SHA-256 of the attribute value, lower-case hexadecimal."""
        return hashlib.sha256(self.value_of(item)).hexdigest()

    def check(self) -> str:
        """Bind, and find one entry that could get a certificate."""
        condition = f"(&{self.options.filter}({self.options.match}=*))"
        for _entry in self._search(condition, (self.options.id_attribute,)):
            return _("The directory answers, and the account finds entries.")
        raise Unavailable(_("The directory answers, but the account finds no entry below the base."))

    def locate(self, identity: str) -> str:
        """The entry whose attribute `match` has this value."""
        condition = f"(&{self.options.filter}({self.options.match}={filter_value(identity)}))"
        found = list(self._search(condition, self._read()))
        if not found:
            raise NoPlace(_("The directory has no entry for this person."))
        if len(found) > 1:
            raise Refused(_("The directory has several entries for this person."))
        place = self._place_of(found[0])
        if not place:
            raise Unavailable(_("The directory gives entries without their id."))
        self._admit(found[0])
        self._located[place] = found[0]
        return place

    def put(self, place: str, item: Item, *, instead_of: Item | None = None) -> Put:
        """Add one value; with instead_of, remove the old one in the same modify where it is there."""
        value = self.value_of(item)
        old = self.value_of(instead_of) if instead_of else b""
        entry = self._located.pop(place, None) if not old else None
        entry = entry or self._entry(place)
        self._admit(entry)
        remove = [old] if old and self._holds(self._values(entry), old) else []
        code = self._modify(entry, ValueChange(self.options.transferred, remove, [value]))
        if code == SUCCESS:
            return Put.ADDED
        if code == EXISTS:
            if self._holds(self._values(self._entry(place)), value):
                return Put.WAS_THERE
            raise Refused(_("The entry has another certificate with the same issuer and serial number."))
        if code == NO_SUCH_ATTRIBUTE and remove:  # removed concurrently; the modify had no effect
            return self.put(place, item)
        if code == NO_SUCH_OBJECT:  # moved between the search and the modify
            raise NoPlace(_("The entry is not there any more."))
        raise _refused(code)

    def look(self, place: str, item: Item) -> Presence:
        """Read the values and compare bytes. A deleted entry has none."""
        try:
            values = self._values(self._entry(place))
        except NoPlace:
            return Presence.ABSENT
        return Presence.THERE if self._holds(values, self.value_of(item)) else Presence.ABSENT

    def take_back(self, place: str, item: Item) -> None:
        """Remove one value, where exactly these bytes are stored."""
        value = self.value_of(item)
        try:
            entry = self._entry(place)
        except NoPlace:
            return
        if not self._holds(self._values(entry), value):
            return
        code = self._modify(entry, ValueChange(self.options.transferred, [value]))
        if code == NO_SUCH_OBJECT:
            raise Doubtful(_("The entry was changed by somebody else at the same moment."))
        if code not in (SUCCESS, NO_SUCH_ATTRIBUTE):
            raise _refused(code)

    def survey(self) -> Iterator[Held]:
        """Every entry below the base with a value, page by page."""
        condition, older = f"({self.options.attribute}=*)", [self.OLDER] if self.OLDER else []
        for entry in self._search(condition, (*self._read(), *older)):
            prints = tuple(hashlib.sha256(value).hexdigest() for value in self._values(entry))
            has_older = bool(self.OLDER and entry.attributes.get(self.OLDER.lower()))
            yield Held(self._place_of(entry), entry.dn, prints, has_older)

    # --- entries

    def _entry(self, place: str) -> Found:
        """The entry with this id and its values, wherever it is below the base by now. Raises NoPlace."""
        key = uuid.UUID(place)
        is_ad = self.options.flavour == ACTIVE_DIRECTORY
        value = filter_value(key.bytes_le) if is_ad else str(key)
        condition = f"({self.options.id_attribute}={value})"
        for entry in self._search(condition, self._read()):
            return entry
        raise NoPlace(_("The entry is not there any more."))

    def _read(self) -> Sequence[str]:
        """The attributes that are read of an entry."""
        return (self.options.id_attribute, self.options.transferred)

    def _admit(self, entry: Found) -> None:
        """Raise Refused for an entry that must not be written."""

    def _holds(self, values: Sequence[bytes], value: bytes) -> bool:
        return value in values

    def _place_of(self, entry: Found) -> str:
        values = entry.attributes.get(self.options.id_attribute.lower(), ())
        if not values:
            return ""
        if self.options.flavour == ACTIVE_DIRECTORY:
            return str(uuid.UUID(bytes_le=bytes(values[0])))
        return entry.text(self.options.id_attribute).lower()

    def _values(self, entry: Found) -> Sequence[bytes]:
        """The attribute's values, whether the server returns its name with the option ;binary or without."""
        plain = self.options.attribute.lower()
        names = (plain, f"{plain};binary", self.options.transferred.lower())
        return next((entry.attributes[name] for name in names if entry.attributes.get(name)), ())

    # --- the connection

    @property
    def _client(self) -> LdapClient:
        if self._opened is None:
            try:
                self._opened = LdapClient(self._server())
            except LdapError as error:
                raise Unavailable(error.words, detail=str(error)) from error
        return self._opened

    def _server(self) -> Server:
        options = self.options
        return Server(
            url=options.url,
            start_tls=options.start_tls,
            ca_file=options.ca_file,
            bind_dn=options.bind_dn,
            password=self._secret,
            page_size=options.page_size,
            timeout=options.timeout,
        )

    def _search(self, condition: str, attributes: Sequence[str]) -> Iterator[Found]:
        try:
            yield from self._client.search(self.options.base, condition, attributes)
        except LdapError as error:
            self.close()
            raise Unavailable(error.words, detail=str(error)) from error

    def _modify(self, entry: Found, change: ValueChange) -> int:
        try:
            code = self._client.modify(entry.dn, change)
        except LdapError as error:
            self.close()
            raise Doubtful(error.words, detail=str(error)) from error
        if code in PASSING:
            raise Unavailable(_("The directory is busy."), detail=f"modify: {code}")
        return code


def _refused(code: int) -> Refused:
    if code == NO_RIGHTS:
        words = _("The directory protects this entry, or the account may not write the attribute.")
        return Refused(words, detail="modify: 50")
    words = _("The directory refuses the certificate (LDAP result %(code)s).") % {"code": code}
    return Refused(words, detail=f"modify: {code}")
