"""Holder and purpose of a certificate, read from its content: for imports from other systems."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from ca_bridge.errors import CaError
from ca_bridge.x509 import certificates, der
from ca_bridge.x509.subject_alt_names import SID_EXTENSION_OID, SID_URI_PREFIX, SidNames

_CLIENT_AUTHENTICATION = frozenset({"1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2"})
_SIGNS_DOCUMENTS = frozenset(
    {"1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.311.10.3.12", "2.5.29.37.0"}
)
_NUMBERS = (NameOID.SERIAL_NUMBER, NameOID.USER_ID)


@dataclass(frozen=True, slots=True)
class Holder:
    """The names of a certificate's holder. numbers: serialNumber and UID of the subject."""

    emails: tuple[str, ...]
    upns: tuple[str, ...]
    sids: tuple[str, ...]
    numbers: tuple[str, ...]


def holder(content: bytes) -> Holder:
    """The holder's names in a certificate (DER). Raises CaError, permanent, for a malformed one."""
    try:
        certificate = certificates.load(content)
        names = certificates.describe(content).subject_alt_names
        in_subject = [
            *certificate.subject.get_attributes_for_oid(NameOID.EMAIL_ADDRESS),
        ]
        numbers = [each for kind in _NUMBERS for each in certificate.subject.get_attributes_for_oid(kind)]
        return Holder(
            emails=_each([*_of_kind(names, "email"), *(str(each.value) for each in in_subject)]),
            upns=_each(_of_kind(names, "upn")),
            sids=_each(_sids(certificate, _of_kind(names, "uri"))),
            numbers=_each([str(each.value) for each in numbers]),
        )
    except der.MALFORMED as error:
        raise CaError("This certificate is malformed.", str(error), permanent=True) from error


def _each(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, values)))


def _of_kind(names: tuple[tuple[str, str], ...], wanted: str) -> list[str]:
    return [value for kind, value in names if kind == wanted]


def _sids(certificate: x509.Certificate, uris: list[str]) -> list[str]:
    """SIDs in both forms of Windows strong mapping (KB5014754): the extension, and the URI."""
    found = [each.removeprefix(SID_URI_PREFIX) for each in uris if each.startswith(SID_URI_PREFIX)]
    for extension in certificate.extensions:
        if extension.oid == SID_EXTENSION_OID and isinstance(extension.value, x509.UnrecognizedExtension):
            value = SidNames.load(extension.value.value)["other_name"]["value"].native
            found.append(value.decode("ascii"))
    return found


def purpose(content: bytes) -> str:
    """The purpose by key usage, a value of CertificatePurpose; empty if its key usage allows none of them.

    Raises CaError, permanent.
    """
    try:
        present = certificates.load(content).extensions
        usage = der.extension(present, x509.KeyUsage)
        extended = der.extension(present, x509.ExtendedKeyUsage)
    except der.MALFORMED as error:
        raise CaError("This certificate is malformed.", str(error), permanent=True) from error
    signs = usage is None or usage.digital_signature or usage.content_commitment
    encrypts = usage is None or usage.key_encipherment or usage.data_encipherment or usage.key_agreement
    if not (signs and not encrypts):
        return "combined" if signs else "encryption" if encrypts else ""
    named = {each.dotted_string for each in extended or ()}
    committed = usage is not None and usage.content_commitment
    authenticates = named & _CLIENT_AUTHENTICATION and not named & _SIGNS_DOCUMENTS and not committed
    return "authentication" if authenticates else "signature"


def commits(content: bytes) -> bool:
    """Whether the certificate signs documents in its holder's name (nonRepudiation, contentCommitment)."""
    try:
        usage = der.extension(certificates.load(content).extensions, x509.KeyUsage)
    except der.MALFORMED:
        return True
    return usage is not None and usage.content_commitment


def is_of_a_person(content: bytes) -> bool:
    """Whether it is an end-entity certificate: basicConstraints without CA (RFC 5280 4.2.1.9)."""
    try:
        constraints = der.extension(certificates.load(content).extensions, x509.BasicConstraints)
    except der.MALFORMED:
        return False
    return constraints is None or not constraints.ca
