"""The certificate profile as a value, and its rendering with one person's fields."""

import string
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from urllib.parse import quote

import regex
from cryptography import x509
from django.utils.translation import gettext as _

from ca_bridge.contract import KEY_USAGES, CertificateContent, KeyAlgorithm
from ca_bridge.errors import CaError
from ca_bridge.x509 import names, public_smime, subject_alt_names

PLACEHOLDERS = (
    "display_name",
    "given_name",
    "surname",
    "email",
    "upn",
    "personnel_number",
    "department",
    "organisational_unit",
)
ENCIPHERMENT = frozenset({"keyEncipherment", "dataEncipherment"})
_SID_TEMPLATE = subject_alt_names.SID_URI_PREFIX + "{sid}"
_OBJECT_IDENTIFIER = regex.compile(r"[0-2](\.(0|[1-9][0-9]*)){1,30}")


class ProfileError(CaError):
    """A profile is invalid, or cannot be rendered for a person.

    missing: empty fields of the person that it needs.  part: the invalid field of Profile, if any.
    """

    def __init__(self, message: str, *, missing: tuple[str, ...] = (), part: str = "") -> None:
        super().__init__(message, permanent=True)
        self.missing = missing
        self.part = part


@contextmanager
def about(part: str) -> Iterator[None]:
    """Context that sets `part` of any ProfileError or CaError raised inside to this field of Profile."""
    try:
        yield
    except ProfileError as error:
        error.part = error.part or part
        raise
    except CaError as error:
        raise ProfileError(error.words, part=part) from error


@dataclass(frozen=True)
class Profile:
    """A template of certificate content, with the CA that issues it. A saved version never changes.

    subject and subject_alt_names pair an attribute name or a kind (email, upn, uri) with a template;
    templates hold only the PLACEHOLDERS, which are fields of the person.
    ca is an alias of CA_CONNECTORS, ca_profile the name that the CA itself gives to its profile.
    """

    code: str
    version: int
    name: str
    purpose: str
    subject: tuple[tuple[str, str], ...]
    subject_alt_names: tuple[tuple[str, str], ...]
    key_usage: tuple[str, ...]
    extended_key_usage: tuple[str, ...]
    policies: tuple[str, ...]
    include_sid: bool
    ca: str
    ca_profile: str


def missing_fields(profile: Profile, fields: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the person's fields that the profile needs and that are empty, each once."""
    return tuple(name for name in needed_fields(profile) if not fields.get(name, "").strip())


def needed_fields(profile: Profile) -> tuple[str, ...]:
    """Return the names of the person's fields in the profile's templates, each once."""
    return tuple(dict.fromkeys(_needed(profile)))


def _needed(profile: Profile) -> Iterator[str]:
    for _name, template in (*profile.subject, *profile.subject_alt_names):
        yield from placeholders(template)
    if profile.include_sid:
        yield "sid"


def render(profile: Profile, fields: Mapping[str, str]) -> CertificateContent:
    """Return the content of a person's certificate.

    fields: of the person, by placeholder. Raises ProfileError naming empty fields, or CaError (permanent) for
    values that no certificate can hold.
    """
    if missing := missing_fields(profile, fields):
        raise ProfileError(
            _("The person has no %(fields)s.") % {"fields": ", ".join(missing)}, missing=missing
        )
    content = CertificateContent(
        subject=tuple((name, _attribute(name, template, fields)) for name, template in profile.subject),
        subject_alt_names=tuple((kind, _alt_name(kind, t, fields)) for kind, t in profile.subject_alt_names),
        key_usage=profile.key_usage,
        extended_key_usage=profile.extended_key_usage,
        policies=profile.policies,
        sid=fields["sid"].strip() if profile.include_sid else None,
    )
    check_content(content)
    return content


def check_content(content: CertificateContent) -> None:
    """Refuse a content that no certificate can hold. Raises ProfileError that names the part."""
    with about("subject"):
        names.check_subject(content.subject)
    with about("subject_alt_names"):
        subject_alt_names.check(content.subject_alt_names)
        _check_emails(content)
    if content.sid is not None:
        with about("include_sid"):
            subject_alt_names.check_sid(content.sid)
    for fault in public_smime.faults(content):
        raise ProfileError(fault.message, part=fault.part)


def _check_emails(content: CertificateContent) -> None:
    """RFC 5280 4.1.2.6: an e-mail address in the subject has to be an rfc822Name as well."""
    named = {value for name, value in content.subject if name == "emailAddress"}
    if named - {value for kind, value in content.subject_alt_names if kind == "email"}:
        raise ProfileError(_("The e-mail address of the subject must stand among the alternative names too."))


def check_validity(policies: tuple[str, ...], validity: timedelta) -> None:
    """Refuse a validity that certificates with these policies must not have. Raises ProfileError."""
    if fault := public_smime.validity_fault(policies, validity):
        raise ProfileError(fault, part="longest_validity_days")


def _attribute(name: str, template: str, fields: Mapping[str, str]) -> str:
    value = _fill(template, fields)
    if name == "commonName":
        return names.common_name(value)
    return subject_alt_names.mailbox(value) if name == "emailAddress" else value


def _alt_name(kind: str, template: str, fields: Mapping[str, str]) -> str:
    if kind == "email":
        return subject_alt_names.mailbox(_fill(template, fields))
    if kind == "uri":
        return _fill(template, {name: quote(value, safe="") for name, value in fields.items()})
    return _fill(template, fields)


def _fill(template: str, fields: Mapping[str, str]) -> str:
    values = {name: fields[name].strip() for name in placeholders(template)}
    return unicodedata.normalize("NFC", template.format_map(values)).strip()


@lru_cache(maxsize=1024)
def placeholders(template: str) -> tuple[str, ...]:
    """Return the names of the placeholders in a template. Raises ProfileError where it is malformed."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise ProfileError(_("%(template)s is not a template.") % {"template": ascii(template)}) from error
    if any(format_spec or conversion for _text, _name, format_spec, conversion in parts):
        raise ProfileError(_("A placeholder is a name in braces, without anything else."))
    return tuple(name for _text, name, _spec, _conversion in parts if name is not None)


def check_template(template: str, *, allowed: tuple[str, ...] = PLACEHOLDERS) -> None:
    """Refuse a template with a placeholder outside the closed set, or with forbidden characters.

    Raises ProfileError that names the placeholder.
    """
    if found := ", ".join(names.forbidden_characters(template)):
        raise ProfileError(_("The template holds forbidden characters: %(found)s.") % {"found": found})
    for name in placeholders(template):
        if name not in allowed:
            raise ProfileError(_("{%(name)s} is not a field that a template may use.") % {"name": name})


def check_profile(profile: Profile) -> None:
    """Refuse a profile that cannot be used. Called when a version is saved. Raises ProfileError."""
    with about("subject"):
        _check_subject_templates(profile.subject)
    with about("subject_alt_names"):
        for kind, template in profile.subject_alt_names:
            check_alt_name_template(kind, template)
    with about("key_usage"):
        _check_key_usages(profile.key_usage)
    with about("extended_key_usage"):
        _check_object_identifiers(profile.extended_key_usage)
    with about("policies"):
        _check_object_identifiers(profile.policies)


def check_public(profile: Profile, *, is_public: bool = False) -> None:
    """Refuse content that public CAs do not issue in a public profile. Raises ProfileError naming the part.

    is_public: whether its CA is public, also where no policy says so.
    """
    content = CertificateContent(
        subject=profile.subject,
        subject_alt_names=profile.subject_alt_names,
        key_usage=profile.key_usage,
        extended_key_usage=profile.extended_key_usage,
        policies=profile.policies,
        sid="" if profile.include_sid else None,
    )
    for fault in public_smime.private_faults(content, is_public=is_public):
        raise ProfileError(fault.message, part=fault.part)


def _check_subject_templates(subject: tuple[tuple[str, str], ...]) -> None:
    if not subject:
        raise ProfileError(_("A profile needs at least one attribute of the subject."))
    for name, template in subject:
        if name not in names.ATTRIBUTE_TYPES:
            raise ProfileError(_("%(name)s is not an attribute of a subject.") % {"name": name})
        check_template(template)
        _check_fixed_text(name, template)


def _check_fixed_text(name: str, template: str) -> None:
    """Refuse a template whose fixed text alone is too long: a rendered common name is cut silently."""
    fixed = "".join(text for text, *_rest in string.Formatter().parse(template)).strip()
    if not placeholders(template):
        names.check_subject([(name, fixed)])
    elif fixed and (complaint := names.length_complaint(name, fixed)):
        raise ProfileError(complaint)


def _check_key_usages(key_usage: tuple[str, ...]) -> None:
    if not key_usage or not set(key_usage) <= set(KEY_USAGES):
        choices = ", ".join(KEY_USAGES)
        raise ProfileError(_("The key usage must be taken from: %(names)s.") % {"names": choices})
    if "keyAgreement" in key_usage and set(key_usage) & ENCIPHERMENT:
        raise ProfileError(_("No key has both: keyAgreement is for EC keys, encipherment for RSA keys."))


def _check_object_identifiers(identifiers: tuple[str, ...]) -> None:
    for dotted in identifiers:
        if not _is_object_identifier(dotted):
            raise ProfileError(_("%(dotted)s is not an object identifier.") % {"dotted": ascii(dotted)})


def _is_object_identifier(dotted: str) -> bool:
    """Whether it is encodable: below 0 and 1 the second arc is at most 39 (X.690 8.19.4); bounded length."""
    try:
        x509.ObjectIdentifier(dotted)
    except ValueError:
        return False
    return _OBJECT_IDENTIFIER.fullmatch(dotted) is not None


def check_key_usage(key_usage: tuple[str, ...], algorithm: KeyAlgorithm) -> None:
    """Refuse a key usage that keys of this algorithm cannot have (RFC 5480 3, RFC 3279 2.3.1).

    Called when a token type is saved, and before a request is built. Raises ProfileError.
    """
    is_rsa = algorithm.value.startswith("rsa")
    foreign = {"keyAgreement"} if is_rsa else ENCIPHERMENT
    if found := ", ".join(sorted(foreign & set(key_usage))):
        raise ProfileError(
            _("A key of the kind %(algorithm)s cannot have the key usage %(usage)s.")
            % {"algorithm": algorithm.value, "usage": found}
        )


def check_alt_name_template(kind: str, template: str) -> None:
    """Refuse a template with which a profile's author could impersonate another account.

    UPN and SID come only from the person's fields, never from a literal: both identify an account to Windows.
    """
    if kind not in subject_alt_names.KINDS:
        raise ProfileError(_("%(kind)s is not a kind of alternative name.") % {"kind": kind})
    if template == _SID_TEMPLATE and kind == "uri":
        return
    check_template(template)
    if kind == "upn" and template != "{upn}":
        raise ProfileError(_("A UPN is taken from the person: the template must be {upn}."))
    if not placeholders(template):
        raise ProfileError(_("An alternative name needs at least one field of the person."))
    if kind == "uri" and not regex.match(r"(?!tag:)[a-z][a-z0-9+.\-]*:", template, regex.IGNORECASE):
        raise ProfileError(_("A URI must begin with a scheme, and tag: is for the security identifier only."))
