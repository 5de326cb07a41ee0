"""Matching of certificates: person, token type, and the connection to the issuing CA."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from ca_bridge.x509 import certificates, der, holders
from ca_bridge.x509.holders import Holder
from identity_manager.models import CertificateProfile, Person, PersonState, TokenType
from identity_manager.models.people.upn_key import upn_key
from identity_manager.models.words import Vocabulary
from identity_manager.transactions.refusals import NotPossible, Reason
from identity_manager.workflow.token_imports import reasons

UNKNOWN_TYPES = Reason("import-unknown-types", _("One of the token types is not in force."))
NO_TYPES = Reason("import-no-types", _("Choose at least one token type."))

# Names by which a person is found, the strongest first; officers see which one matched.
NAMES = Vocabulary(
    "names that match",
    {"sid": _("by SID"), "upn": _("by UPN"), "number": _("by personnel number"), "email": _("by e-mail")},
    unknown="",
)


@dataclass(frozen=True)
class Match:
    """The matched person with the name of NAMES that matched, or the reason for none."""

    person: Person | None = None
    by: str = ""
    reason: Reason | None = None


class Persons:
    """Candidates for these holders, looked up in bulk; Locked persons as well, to name them as the reason."""

    def __init__(self, holders_of_all: Iterable[Holder]) -> None:
        every = list(holders_of_all)
        emails = {each for one in every for email in one.emails for each in _spellings(email)}
        upns = {upn for one in every for upn in one.upns}
        rows = Person.objects.annotate(lower_email=Lower("email"), lower_upn=Lower("upn")).filter(
            Q(lower_email__in=emails)
            | Q(upn_key__in={upn_key(upn) for upn in upns})
            | Q(lower_upn__in={upn.lower() for upn in upns})
            | Q(sid__in={sid for one in every for sid in one.sids})
            | Q(personnel_number__in={number for one in every for number in one.numbers})
        )
        self._by: dict[tuple[str, str], list[Person]] = {}
        for person in rows:
            for key in _keys_of(person):
                self._by.setdefault(key, []).append(person)

    def match(self, holder: Holder) -> Match:
        """The one person whom the names match. Names without a match, such as old aliases, are ignored."""
        found = {
            person.pk: (person, name)
            for name, value in reversed(_keys(holder))
            for person in self._by.get((name, value), ())
        }
        if not found:
            return Match(reason=reasons.NOBODY)
        if len(found) > 1:
            return Match(reason=reasons.SEVERAL_PERSONS)
        ((person, by),) = found.values()
        if person.state == PersonState.ACTIVE:
            return Match(person, by)
        return Match(
            reason=reasons.PERSON_LOCKED if person.state == PersonState.LOCKED else reasons.PERSON_NOT_ACTIVE
        )


def _keys(holder: Holder) -> list[tuple[str, str]]:
    return [
        *(("sid", sid) for sid in holder.sids),
        *(("upn", upn_key(upn)) for upn in holder.upns),
        *(("number", number) for number in holder.numbers),
        *(("email", each) for email in holder.emails for each in _spellings(email)),
    ]


def _keys_of(person: Person) -> list[tuple[str, str]]:
    mine = {"sid": person.sid, "number": person.personnel_number, "email": person.email.lower()}
    upn = [("upn", upn_key(person.upn))] if person.upn else []
    return [*upn, *((name, value) for name, value in mine.items() if value)]


def _spellings(email: str) -> tuple[str, ...]:
    """In lower case, with the domain as A-labels and as people write it."""
    lower = email.lower()
    local, _at, domain = lower.rpartition("@")
    try:
        return tuple(dict.fromkeys((lower, f"{local}@{domain.encode('ascii').decode('idna')}")))
    except UnicodeError:
        return (lower,)


Places = Mapping[str, tuple[TokenType, CertificateProfile]]


def places(codes: Sequence[str]) -> Places:
    """Type and profile by purpose; the first type that has such a profile. Raises NotPossible."""
    if not codes:
        raise NotPossible(NO_TYPES, field="types")
    found: dict[str, tuple[TokenType, CertificateProfile]] = {}
    for code in codes:
        token_type = TokenType.objects.active().filter(code=code).first()
        if token_type is None:
            raise NotPossible(UNKNOWN_TYPES, field="types")
        for profile in token_type.ordered_profiles():
            found.setdefault(profile.purpose, (token_type, profile))
    return found


def holder_of(content: bytes) -> Holder | None:
    """The holder's names in the certificate; None if it cannot be parsed."""
    try:
        return holders.holder(content)
    except CaError:
        return None


def _issuers(alias: str) -> tuple[x509.Certificate, ...]:
    """The issuing certificates of a configured CA; empty if its settings are wrong."""
    try:
        return tuple(certificates.load(each) for each in registry.connector(alias).chain())
    except (CaError, ImproperlyConfigured):
        return ()


def connection_of(content: bytes) -> str:
    """The alias of the connection to the CA that issued the certificate; empty for others."""
    certificate = certificates.load(content)
    for alias in registry.aliases():
        for issuer in _issuers(alias):
            if issuer.subject == certificate.issuer and der.has_signed(issuer, certificate):
                return alias
    return ""
