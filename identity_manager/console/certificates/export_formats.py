"""Certificates as vCard 3.0 (RFC 2426), LDIF (RFC 2849), and DER in a ZIP; written while they are sent."""

import base64
import csv
import io
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby

from identity_manager.console.lists.csv_export import safe
from identity_manager.models import Certificate, Person

FOLD = 75  # octets of a line, without its end (RFC 2426 2.6); LDIF allows any
CRLF, LF = "\r\n", "\n"
INDEX = "index.csv"

NameOfEntry = Callable[[Person], str]


def vcards(rows: Iterable[Certificate]) -> Iterator[str]:
    """One card for each person, with all their certificates. rows: in the order of persons."""
    for _person_id, found in groupby(rows, key=lambda row: row.token.person_id):
        certificates = list(found)
        person = certificates[0].token.person
        lines = [
            "BEGIN:VCARD",
            "VERSION:3.0",
            f"FN:{_text(person.display_name)}",
            f"N:{_text(person.surname)};{_text(person.given_name)};;;",
            f"EMAIL;TYPE=INTERNET:{_text(person.email)}",
            *(f"KEY;ENCODING=b;TYPE=X509:{_base64(row.der)}" for row in certificates),
            "END:VCARD",
        ]
        yield "".join(_folded(line, CRLF) for line in lines)


def _text(value: str) -> str:
    """RFC 2426 5: backslash, comma, semicolon and line ends are escaped."""
    for plain in ("\\", ",", ";"):
        value = value.replace(plain, f"\\{plain}")
    return "\\n".join(value.splitlines())


def ldif(
    rows: Iterable[Certificate], *, operation: str, attribute: str, name_of: NameOfEntry
) -> Iterator[str]:
    """One change record for each certificate, so that a refused one stops no other (`ldapmodify -c`).

    operation: add or delete. Persons whose entry nobody can name are told in a comment.
    """
    yield f"version: 1{LF}"
    for row in rows:
        name = name_of(row.token.person)
        if not name:
            yield f"{LF}{_folded(f'# No entry is known of {_ascii(row.token.person.personnel_number)}', LF)}"
            continue
        lines = [_attribute("dn", name), "changetype: modify", f"{operation}: {attribute}"]
        lines += [f"{attribute}:: {_base64(row.der)}", "-"]
        yield LF + "".join(_folded(line, LF) for line in lines)


def known_entry(person: Person) -> str:
    """The name of the entry of an LDAP source that the person comes from; empty where there is none.

    Active Directory takes the objectGUID in place of a distinguished name ([MS-ADTS] 3.1.1.3.1.2.4).
    """
    link = getattr(person, "directory_link", None)
    if link is None:
        return ""
    if "=" in link.key:
        return str(link.key)
    return f"<GUID={link.external_id}>" if link.key == link.external_id and _is_uuid(link.key) else ""


def entry_below(base: str, attribute: str) -> NameOfEntry:
    """Names of entries that lie below a base and are named by an attribute of the person."""
    from identity_manager import ldap_connection  # when it is needed: its library takes 4 MB

    field = NAMING[attribute]

    def name_of(person: Person) -> str:
        value = str(getattr(person, field))
        return f"{attribute}={ldap_connection.escaped_value(value)},{base}" if value else ""

    return name_of


NAMING = {"mail": "email", "cn": "display_name", "employeeNumber": "personnel_number"}


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _attribute(name: str, value: str) -> str:
    """A value that is no SAFE-STRING (RFC 2849) is written in base64."""
    is_safe = (
        value.isascii() and value.isprintable() and value[:1] not in (" ", ":", "<") and value[-1:] != " "
    )
    return f"{name}: {value}" if is_safe else f"{name}:: {_base64(value.encode())}"


def _ascii(text: str) -> str:
    """For comments, which end with their line."""
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _folded(line: str, end: str) -> str:
    """The line in parts of at most FOLD octets, each with its end; no sign of UTF-8 is cut in two."""
    parts, part, octets = [], "", 0
    for sign in line:
        size = len(sign.encode())
        if octets + size > FOLD:
            parts.append(part)
            part, octets = " ", 1
        part, octets = part + sign, octets + size
    return "".join(f"{each}{end}" for each in [*parts, part])


class _Sink(io.RawIOBase):
    """Output stream of ZipFile; it is not seekable, so ZipFile writes sizes after each file."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._parts.append(bytes(data))  # type: ignore[call-overload]  # a buffer
        return len(self._parts[-1])

    def drain(self) -> bytes:
        """Bytes that were written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def zipped(rows: Iterable[Certificate], *, moment: datetime) -> Iterator[bytes]:
    """A ZIP with the DER of each certificate, and a list of them as CSV, last."""
    sink, index = _Sink(), io.StringIO(newline="")
    table = csv.writer(index, lineterminator=CRLF)
    table.writerow(("file", "subject", "issuer", "serial", "not_after", "sha256"))
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for row in rows:
            name = file_name(row)
            archive.writestr(_entry(name, moment), row.der)
            facts = (name, row.subject, row.issuer, row.serial, row.not_after, row.fingerprint_sha256)
            table.writerow([safe(each) for each in facts])
            yield sink.drain()
        archive.writestr(_entry(INDEX, moment), index.getvalue())
    yield sink.drain()


def file_name(row: Certificate) -> str:
    """ASCII, without a folder, and different for each certificate."""
    return f"{row.profile.code}-{row.serial[-16:].lower()}-{row.fingerprint_sha256[:8]}.cer"


def _entry(name: str, moment: datetime) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, moment.timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
