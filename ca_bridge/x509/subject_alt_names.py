"""Subject alternative names (RFC 5280 4.2.1.6) and the SID extension: validation and encoding."""

from collections.abc import Iterable
from functools import lru_cache

import regex
from asn1crypto import core
from cryptography import x509
from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

from ca_bridge.contract import UPN
from ca_bridge.errors import CaError
from ca_bridge.x509.names import check_characters

UPN_OID = x509.ObjectIdentifier(UPN)
SID_EXTENSION_OID = x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2")  # Windows strong mapping, KB5014754
SID_VALUE_OID = "1.3.6.1.4.1.311.25.2.1"
SID_URI_PREFIX = "tag:microsoft.com,2022-09-14:sid:"
KINDS = ("email", "upn", "uri")
_SID = regex.compile(r"S-1-[0-9]{1,15}(-[0-9]{1,10}){1,15}")
_UPN = regex.compile(r"[^\s@]{1,512}@[^\s@]{1,512}")
_URI = regex.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[\x21-\x7e]+")


@lru_cache(maxsize=1024)  # one address is normalised for template, content, extension and certificate
def mailbox(address: str) -> str:
    """Normalise an address for rfc822Name: local part unchanged, domain in lower case as A-labels.

    Raises CaError, permanent, for an invalid address, and for a local part outside ASCII: it would need
    SmtpUTF8Mailbox (RFC 9598), which hardly any mail client reads.
    """
    check_characters("email", address)
    try:
        found = validate_email(
            address, allow_smtputf8=False, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except EmailNotValidError as error:
        raise CaError(
            _(
                "%(address)s cannot stand in a certificate as e-mail. It must be like name@example.com, "
                "before the @ with no other letters than a to z."
            )
            % {"address": ascii(address)},
            str(error),
            permanent=True,
        ) from error
    return f"{found.local_part}@{found.ascii_domain}"


def check(names: Iterable[tuple[str, str]]) -> None:
    """Refuse alternative names that a certificate cannot hold. Raises CaError, permanent."""
    for kind, value in names:
        to_general_name(kind, value)


def to_general_name(kind: str, value: str) -> x509.GeneralName:
    """Return one GeneralName (RFC 5280 4.2.1.6). Raises CaError, permanent."""
    if kind == "email":
        return _rfc822_name(value)
    check_characters(kind, value)
    if kind == "upn":
        return _user_principal_name(value)
    if kind == "uri" and _URI.fullmatch(value):
        return x509.UniformResourceIdentifier(value)
    raise CaError(
        _("%(value)s cannot stand in a certificate as %(kind)s.") % {"value": ascii(value), "kind": kind},
        permanent=True,
    )


def _rfc822_name(value: str) -> x509.RFC822Name:
    if value != mailbox(value):
        raise CaError(
            _("%(address)s must be written with its domain in lower case and ASCII (A-labels).")
            % {"address": ascii(value)},
            permanent=True,
        )
    return x509.RFC822Name(value)


def _user_principal_name(value: str) -> x509.OtherName:
    if not _UPN.fullmatch(value):
        raise CaError(
            _("%(value)s is no user principal name. It must be like name@corp.example.com.")
            % {"value": ascii(value)},
            permanent=True,
        )
    return x509.OtherName(UPN_OID, core.UTF8String(value).dump())


def check_sid(sid: str) -> None:
    """Refuse anything but the text form of a SID ([MS-DTYP] 2.4.2.1). Raises CaError, permanent."""
    if not _SID.fullmatch(sid):
        raise CaError(_("%(sid)s is not a security identifier.") % {"sid": ascii(sid)}, permanent=True)


class _SidValue(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [("type_id", core.ObjectIdentifier), ("value", core.OctetString, {"explicit": 0})]


class SidNames(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [("other_name", _SidValue, {"implicit": 0})]


def sid_extension(sid: str) -> x509.UnrecognizedExtension:
    """Return the extension that maps a certificate to an account of Active Directory, not critical."""
    check_sid(sid)
    value = SidNames({"other_name": {"type_id": SID_VALUE_OID, "value": sid.encode("ascii")}})
    return x509.UnrecognizedExtension(SID_EXTENSION_OID, value.dump())
