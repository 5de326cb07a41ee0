"""S/MIME Baseline Requirements for public e-mail certificates, as sentences for people.

Covers what a profile decides; the rest is linted. They apply by policy identifier (7.1.6.1), which names
validation level and generation.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

from ca_bridge.contract import CertificateContent

EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"
SPONSOR_MULTIPURPOSE, SPONSOR_STRICT = "2.23.140.1.5.3.2", "2.23.140.1.5.3.3"
# 6.3.2, by the day from which a row counts, newest first. A ballot that shortens it adds a row.
LONGEST_VALIDITY = ((date(2023, 9, 1), 825),)
# Validity is counted to the second, and CAs backdate notBefore, so one day is kept as a margin.
LONGEST_DAYS = LONGEST_VALIDITY[0][1] - 1
# 4.2.1: days for which a CA may reuse its validation of a mail domain, and of an organisation.
DOMAIN_DAYS, ORGANISATION_DAYS = 398, 825
_ARC = "2.23.140.1.5."
_LEGACY, _STRICT = "1", "3"
_SPONSOR = "3"
# 7.1.2.3 f: for every generation; anyExtendedKeyUsage, servers, code, time stamps, OCSP.
_PROHIBITED_USAGES = frozenset({
    "2.5.29.37.0", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.8", "1.3.6.1.5.5.7.3.9",
})  # fmt: skip
_PERSONAL = ("givenName", "surname", "pseudonym")


@dataclass(frozen=True, slots=True)
class SmimeFault:
    """A violation, and the field of Profile concerned."""

    part: str
    message: str


@dataclass(frozen=True, slots=True)
class _Rules:
    """Rules of one policy (7.1.6.1), by the last two arcs of its OID: validation level and generation."""

    level: str
    generation: str

    @property
    def is_strict(self) -> bool:
        return self.generation == _STRICT


def is_public(policies: Collection[str]) -> bool:
    """Whether the Baseline Requirements apply to these policies."""
    return _rules_of(policies) is not None


def may_be_held(policies: Collection[str]) -> bool:
    """Whether certificateHold is allowed; 4.9.13 forbids it for the strict generation."""
    rules = _rules_of(policies)
    return rules is None or not rules.is_strict


def _rules_of(policies: Collection[str]) -> _Rules | None:
    found = next((each.removeprefix(_ARC).split(".") for each in policies if each.startswith(_ARC)), None)
    return _Rules(*found) if found and len(found) == 2 else None


def longest_days(on: date) -> int:
    """The longest validity of a certificate that is issued on a day."""
    return next((days for since, days in LONGEST_VALIDITY if since <= on), LONGEST_VALIDITY[-1][1])


def private_faults(content: CertificateContent, *, is_public: bool = False) -> Iterator[SmimeFault]:
    """Yield faults of content that public CAs do not issue, if it has such a policy; nothing for others.

    is_public: whether its CA is public, also without such a policy.
    """
    rules = _rules_of(content.policies)
    if rules is None and not is_public:
        return
    kinds = {kind for kind, _value in content.subject_alt_names}
    if content.sid is not None:
        sentence = _("A public CA writes no security identifier for Windows: only a private CA does.")
        yield SmimeFault("include_sid", sentence)
    if "uri" in kinds:
        sentence = _("A public S/MIME certificate must not hold a URI as an alternative name.")
        yield SmimeFault("subject_alt_names", sentence)
    if rules is not None and rules.is_strict and "upn" in kinds:
        sentence = _("In the strict generation, a UPN must not stand among the alternative names.")
        yield SmimeFault("subject_alt_names", sentence)
    if rules is not None:
        yield from _foreign_usage_faults(content, rules)


def faults(content: CertificateContent) -> Iterator[SmimeFault]:
    """Yield violations of a content with such a policy; nothing for others."""
    rules = _rules_of(content.policies)
    if rules is None:
        return
    yield from private_faults(content)
    if rules.generation == _LEGACY:
        yield SmimeFault(
            "policies", _("The legacy generation of public S/MIME certificates ended in July 2025.")
        )
    yield from _missing_faults(content)
    yield from _key_usage_faults(content)
    yield from _subject_faults(content, rules)


def _missing_faults(content: CertificateContent) -> Iterator[SmimeFault]:
    """7.1.2.3 f, 7.1.4.2.1."""
    if EMAIL_PROTECTION not in content.extended_key_usage:
        yield SmimeFault(
            "extended_key_usage",
            _("A public S/MIME certificate needs the extended key usage e-mail protection."),
        )
    if "email" not in {kind for kind, _value in content.subject_alt_names}:
        yield SmimeFault(
            "subject_alt_names",
            _("A public S/MIME certificate needs the e-mail address as an alternative name."),
        )


def _foreign_usage_faults(content: CertificateContent, rules: _Rules) -> Iterator[SmimeFault]:
    part, others = "extended_key_usage", set(content.extended_key_usage) - {EMAIL_PROTECTION}
    if rules.is_strict and others:
        words = {"found": ", ".join(sorted(others))}
        sentence = _("In the strict generation, e-mail protection stands alone; remove %(found)s.")
        yield SmimeFault(part, sentence % words)
    elif found := others & _PROHIBITED_USAGES:
        words = {"found": ", ".join(sorted(found))}
        yield SmimeFault(part, _("A public S/MIME certificate must not serve %(found)s.") % words)


def _key_usage_faults(content: CertificateContent) -> Iterator[SmimeFault]:
    """7.1.2.3 e."""
    usages = set(content.key_usage)
    if "nonRepudiation" in usages and "digitalSignature" not in usages:
        yield SmimeFault(
            "key_usage",
            _("In a public S/MIME certificate, nonRepudiation needs digitalSignature beside it."),
        )


def _subject_faults(content: CertificateContent, rules: _Rules) -> Iterator[SmimeFault]:
    """7.1.4.2.4, sponsor-validated; the other validation levels are checked by the linter."""
    if rules.level != _SPONSOR:
        return
    present = {name for name, _value in content.subject}
    for name in ("organizationName", "organizationIdentifier"):
        if name not in present:
            sentence = _("A sponsor-validated S/MIME certificate needs %(name)s in its subject.")
            yield SmimeFault("subject", sentence % {"name": name})
    if not present & set(_PERSONAL):
        sentence = _("A sponsor-validated S/MIME certificate needs one of %(names)s in its subject.")
        yield SmimeFault("subject", sentence % {"names": ", ".join(_PERSONAL)})


def validity_fault(policies: Collection[str], validity: timedelta) -> str:
    """The sentence if the validity is too long for these policies; else empty."""
    if not is_public(policies) or validity <= timedelta(days=LONGEST_DAYS):
        return ""
    return _(
        "A public S/MIME certificate may hold for at most %(most)d days; this one would for %(days)d."
    ) % {
        "most": LONGEST_DAYS,
        "days": validity.days,
    }
