"""Name constraints of issuers (RFC 5280 4.2.1.10), for the name forms of persons.

`cryptography` rejects chains with directoryName constraints, the most common form in companies' CAs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from asn1crypto import core
from cryptography import x509
from cryptography.x509.oid import NameOID

from ca_bridge.x509.der import extension
from ca_bridge.x509.subject_alt_names import UPN_OID


def faults(path: Sequence[x509.Certificate]) -> Iterator[str]:
    """Yield each name that an issuer's constraints exclude. Raises one of der.MALFORMED.

    path: a certificate, then its issuers, nearest first. A trusted root's constraints are applied too, as
    clients do, although RFC 5280 6.1.1 d leaves that open.
    """
    for place, issuer in enumerate(path):
        constraints = extension(issuer.extensions, x509.NameConstraints)
        if constraints is None:
            continue
        for name in _names_below(path[:place]):
            if not _is_allowed(name, constraints):
                yield f"{issuer.subject.rfc4514_string()} may not certify {_shown(name)}"


def _names_below(path: Sequence[x509.Certificate]) -> Iterator[x509.GeneralName]:
    """Names to be checked; self-issued roll-over certificates are exempt (6.1.3)."""
    for place, each in enumerate(path):
        if place == 0 or each.issuer != each.subject:
            yield from _names(each)


def _names(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    """Alternative names, and e-mail addresses in the subject, as clients check them."""
    if certificate.subject.rdns:
        yield x509.DirectoryName(certificate.subject)
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS):
        with suppress(ValueError):
            yield x509.RFC822Name(str(attribute.value))
    yield from extension(certificate.extensions, x509.SubjectAlternativeName) or ()


def _is_allowed(name: x509.GeneralName, constraints: x509.NameConstraints) -> bool:
    """Within a permitted subtree of its form, if any, and in no excluded one."""
    kind = _kind(name)
    permitted = [each.value for each in constraints.permitted_subtrees or () if _kind(each) == kind]
    excluded = [each.value for each in constraints.excluded_subtrees or () if _kind(each) == kind]
    if kind not in _WITHIN or not (permitted or excluded):
        return True
    if kind is x509.UniformResourceIdentifier and not urlsplit(name.value).hostname:
        return False  # 4.2.1.10: such as tag: and urn:, once there is any constraint on URIs
    within = _WITHIN[kind]
    if any(within(name.value, base) for base in excluded):
        return False
    return not permitted or any(within(name.value, base) for base in permitted)


def _kind(name: x509.GeneralName) -> Any:
    return name.type_id if isinstance(name, x509.OtherName) else type(name)


def _shown(name: x509.GeneralName) -> str:
    if isinstance(name, x509.DirectoryName):
        return name.value.rfc4514_string()
    return _text(name.value) if isinstance(name, x509.OtherName) else str(name.value)


# --- what lies within what


def _is_mailbox_within(mailbox: str, base: str) -> bool:
    """Whether a mailbox or UPN is within base: a mailbox, a host, or a domain with a leading dot.

    In constraints on UPNs a host may begin with an @.
    """
    local, _, host = mailbox.rpartition("@")
    wanted, _, domain = base.rpartition("@")
    return wanted in {"", local} and _is_host_within(host, domain)


def _is_host_within(host: str, base: str) -> bool:
    host, base = host.casefold(), base.casefold()
    return host.endswith(base) if base.startswith(".") or not base else host == base


def _is_uri_within(uri: str, base: str) -> bool:
    return _is_host_within(urlsplit(uri).hostname or "", base)


def _is_principal_within(principal: bytes, base: bytes) -> bool:
    """Whether a UPN is within a constraint, as Windows compares; there is no standard."""
    return _is_mailbox_within(_text(principal), _text(base))


def _text(encoded: bytes) -> str:
    return str(core.load(encoded).native)


def _is_directory_within(name: x509.Name, base: x509.Name) -> bool:
    top = _comparable(base)
    return _comparable(name)[: len(top)] == top


def _comparable(name: x509.Name) -> list[frozenset[tuple[x509.ObjectIdentifier, object]]]:
    """A distinguished name in comparable form: case and white space are ignored (RFC 5280 7.1)."""
    return [frozenset((each.oid, _folded(each.value)) for each in rdn) for rdn in name.rdns]


def _folded(value: str | bytes) -> str | bytes:
    return " ".join(value.split()).casefold() if isinstance(value, str) else value


_WITHIN: dict[Any, Callable[[Any, Any], bool]] = {
    x509.RFC822Name: _is_mailbox_within,
    x509.UniformResourceIdentifier: _is_uri_within,
    x509.DirectoryName: _is_directory_within,
    UPN_OID: _is_principal_within,
}
