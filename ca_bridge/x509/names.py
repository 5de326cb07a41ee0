"""Distinguished names: their attributes, upper bounds (RFC 5280 appendix A) and permitted characters.

`cryptography` accepts nearly everything (control characters, bidi overrides, over-long values), so all
of it is checked here before a request is built.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import regex
from cryptography import x509
from cryptography.x509.oid import NameOID
from django.utils.translation import gettext as _

from ca_bridge.errors import CaError

COMMON_NAME_BYTES = 64  # `cryptography` counts bytes where RFC 5280 counts characters
_FORBIDDEN = regex.compile(r"[\p{Cc}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Noncharacter_Code_Point}]")
_PRINTABLE = regex.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")  # PrintableString, X.680 41.4
_GRAPHEME = regex.compile(r"\X")


@dataclass(frozen=True, slots=True)
class AttributeType:
    """An attribute of a distinguished name and its upper bound in characters (RFC 5280 appendix A)."""

    oid: x509.ObjectIdentifier
    upper_bound: int
    printable_only: bool = False


ATTRIBUTE_TYPES = {
    "commonName": AttributeType(NameOID.COMMON_NAME, 64),
    "givenName": AttributeType(NameOID.GIVEN_NAME, 32768),
    "surname": AttributeType(NameOID.SURNAME, 32768),
    "pseudonym": AttributeType(NameOID.PSEUDONYM, 128),
    "title": AttributeType(NameOID.TITLE, 64),
    "serialNumber": AttributeType(NameOID.SERIAL_NUMBER, 64, printable_only=True),
    "emailAddress": AttributeType(NameOID.EMAIL_ADDRESS, 255),
    "userId": AttributeType(NameOID.USER_ID, 256),
    "organizationalUnitName": AttributeType(NameOID.ORGANIZATIONAL_UNIT_NAME, 64),
    "organizationName": AttributeType(NameOID.ORGANIZATION_NAME, 64),
    "organizationIdentifier": AttributeType(NameOID.ORGANIZATION_IDENTIFIER, 64),
    "localityName": AttributeType(NameOID.LOCALITY_NAME, 128),
    "stateOrProvinceName": AttributeType(NameOID.STATE_OR_PROVINCE_NAME, 128),
    "countryName": AttributeType(NameOID.COUNTRY_NAME, 2, printable_only=True),
}


def forbidden_characters(text: str) -> tuple[str, ...]:
    """Return the code points in text (as U+202E) that no name may hold, each once, in order.

    These are controls, line and paragraph separators, surrogates, private use, non-characters and
    bidirectional controls, with which an approver would read another name.
    """
    return tuple(dict.fromkeys(f"U+{ord(character):04X}" for character in _FORBIDDEN.findall(text)))


def check_characters(name: str, text: str) -> None:
    """Refuse characters that no name may hold. Raises CaError, permanent, which names the code points."""
    if found := forbidden_characters(text):
        raise CaError(
            _("%(name)s holds characters that a certificate must not hold: %(characters)s.")
            % {"name": name, "characters": ", ".join(found)},
            permanent=True,
        )


def common_name(text: str) -> str:
    """Return as much of text as a common name can hold: 64 bytes of UTF-8, cut between graphemes.

    The full name belongs into givenName and surname.
    """
    text = unicodedata.normalize("NFC", text).strip()
    if len(text.encode()) <= COMMON_NAME_BYTES:
        return text
    # A first grapheme that does not fit by itself (a letter with dozens of marks) is cut between characters.
    return _fitting(_GRAPHEME.findall(text)).rstrip() or _fitting(text)


def _fitting(pieces: Iterable[str]) -> str:
    taken, size = [], 0
    for piece in pieces:
        size += len(piece.encode())
        if size > COMMON_NAME_BYTES:
            break
        taken.append(piece)
    return "".join(taken)


def check_subject(subject: Iterable[tuple[str, str]]) -> None:
    """Refuse a subject that a certificate cannot hold. Raises CaError, permanent, naming the attribute."""
    attributes = tuple(subject)
    if not attributes:
        raise CaError(_("A certificate needs a subject."), permanent=True)
    for name, value in attributes:
        _check_attribute(name, value)


def _check_attribute(name: str, value: str) -> None:
    if name not in ATTRIBUTE_TYPES:
        raise CaError(_("%(name)s is not an attribute of a subject.") % {"name": name}, permanent=True)
    check_characters(name, value)
    if complaint := _complaint(name, value, ATTRIBUTE_TYPES[name]):
        raise CaError(complaint, permanent=True)


def _complaint(name: str, value: str, kind: AttributeType) -> str:
    words = {"name": name}
    if not value.strip():
        return _("%(name)s is empty.") % words
    if too_long := length_complaint(name, value):
        return too_long
    if name == "countryName" and not regex.fullmatch("[A-Z]{2}", value):
        return _("%(name)s must be two capital letters.") % words
    if name == "emailAddress" and not value.isascii():
        return _("%(name)s may hold ASCII characters only.") % words
    if kind.printable_only and not _PRINTABLE.fullmatch(value):
        return _("%(name)s may hold letters from A to Z, digits and simple punctuation only.") % words
    return ""


def length_complaint(name: str, value: str) -> str:
    """A sentence if the value is longer than the attribute's upper bound; else empty."""
    words = {"name": name, "bound": ATTRIBUTE_TYPES[name].upper_bound}
    if len(value) > ATTRIBUTE_TYPES[name].upper_bound:
        return _("%(name)s is longer than %(bound)s characters.") % words
    if name == "commonName" and len(value.encode()) > COMMON_NAME_BYTES:
        return _("%(name)s is longer than %(bound)s bytes.") % words
    return ""


def to_name(subject: Iterable[tuple[str, str]]) -> x509.Name:
    """Return the distinguished name, one attribute in each RDN, in the order given."""
    check_subject(subject := tuple(subject))
    return x509.Name([x509.NameAttribute(ATTRIBUTE_TYPES[name].oid, value) for name, value in subject])
