"""Findings of health checks: codes for connectors, sentences in English for commands, in any language for
pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from django.utils import translation
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DAY = "until"


class HealthFinding(StrEnum):
    """Findings of a health check; each has a sentence with placeholders."""

    HOLDS_UNTIL = "holds-until"
    CRL_ENDED = "crl-ended"
    OTHER_CHAIN = "other-chain"
    OTHER_CACERTS = "other-cacerts"
    OTHER_INFO = "other-info"
    OTHER_FIRST_OF_CHAIN = "other-first-of-chain"
    NO_SUCH_CA = "no-such-ca"
    CA_NOT_ALLOWED = "ca-not-allowed"
    CERTIFICATE_NOT_TAKEN = "certificate-not-taken"
    SIGN_IN_NOT_TAKEN = "sign-in-not-taken"
    NO_PROCEDURES = "no-procedures"
    NO_KEY = "no-key"
    NO_KEY_FOR_OTHERS = "no-key-for-others"
    ANY_PROFILE = "any-profile"
    PROFILE_NOT_TAKEN = "profile-not-taken"
    SIGNS_FOR_ALL = "signs-for-all"
    NO_DATABASE = "no-database"
    SEALED = "sealed"
    PROTECTED = "protected"
    TAKES_CREDENTIALS = "takes-credentials"
    KNOWS_CHAIN = "knows-chain"
    TAKES_SIGN_IN = "takes-sign-in"
    TAKES_TOKENS_OF = "takes-tokens-of"
    TAKES_KEY = "takes-key"
    KNOWS_CA = "knows-ca"
    SHOWS_PROCEDURES = "shows-procedures"
    HANDS_OUT_CHAIN = "hands-out-chain"
    KNOWS_ORGANISATION = "knows-organisation"
    ORGANISATION_NOT_ALLOWED = "organisation-not-allowed"
    OFFERS_PRODUCTS = "offers-products"
    NO_PRODUCTS = "no-products"


@dataclass(frozen=True, slots=True)
class HealthDetail:
    """A finding with the values of its placeholders; dates in ISO 8601."""

    finding: HealthFinding
    values: Mapping[str, str] = field(default_factory=dict)


WORDS: dict[HealthFinding, Promise] = {
    HealthFinding.HOLDS_UNTIL: _("%(name)s, until %(until)s."),
    HealthFinding.CRL_ENDED: _("The CRL %(name)s ended at %(ended)s UTC."),
    HealthFinding.OTHER_CHAIN: _("Its CA certificates are not those of chain_file."),
    HealthFinding.OTHER_CACERTS: _("Its CA certificates (cacerts) are not those of chain_file."),
    HealthFinding.OTHER_INFO: _("Its CA certificate (info) is not the first one of chain_file."),
    HealthFinding.OTHER_FIRST_OF_CHAIN: _("Its CA certificate is not the first one of chain_file."),
    HealthFinding.NO_SUCH_CA: _(
        "It has no CA like the first one of chain_file, or not for its REST interface."
    ),
    HealthFinding.CA_NOT_ALLOWED: _("Our certificate may not use the CA %(ca)s."),
    HealthFinding.CERTIFICATE_NOT_TAKEN: _("It does not take our certificate: %(said)s"),
    HealthFinding.SIGN_IN_NOT_TAKEN: _("It does not take our token: %(said)s"),
    HealthFinding.NO_PROCEDURES: _("It shows our officer no token procedure for PKCS#10 requests."),
    HealthFinding.NO_KEY: _(
        "The profile %(profile)s has no auth key: whoever reaches CFSSL has certificates signed by it."
    ),
    HealthFinding.NO_KEY_FOR_OTHERS: _(
        "The default profile has no auth key: whoever reaches CFSSL has certificates signed by it."
    ),
    HealthFinding.ANY_PROFILE: _("The default profile takes our key, also for unknown names."),
    HealthFinding.PROFILE_NOT_TAKEN: _(
        "The profile %(profile)s is unknown, or does not take our key: %(said)s."
    ),
    HealthFinding.SIGNS_FOR_ALL: _("Its newcert signs for whoever reaches it: disable it."),
    HealthFinding.NO_DATABASE: _("It has no database: nothing can be found again, or revoked."),
    HealthFinding.SEALED: _("It is sealed."),
    HealthFinding.PROTECTED: _("It answers, protected as agreed, and takes our protection."),
    HealthFinding.TAKES_CREDENTIALS: _(
        "It takes our credentials, and has the CA certificates of chain_file."
    ),
    HealthFinding.KNOWS_CHAIN: _("It has the CA of chain_file, and takes our password."),
    HealthFinding.TAKES_SIGN_IN: _("Version %(version)s, our token counts."),
    HealthFinding.TAKES_TOKENS_OF: _("It takes tokens of %(provisioner)s."),
    HealthFinding.TAKES_KEY: _("It takes our key for every profile."),
    HealthFinding.KNOWS_CA: _("%(version)s, CA %(ca)s."),
    HealthFinding.SHOWS_PROCEDURES: _("It shows our officer %(number)s token procedures."),
    HealthFinding.KNOWS_ORGANISATION: _("It takes our key, and orders for %(name)s."),
    HealthFinding.ORGANISATION_NOT_ALLOWED: _(
        "Our key may not order for the organisation of organization_id. It may order for: %(known)s."
    ),
    HealthFinding.OFFERS_PRODUCTS: _(
        "It takes our sign-in, and offers %(number)s kinds of certificates to our organisation."
    ),
    HealthFinding.NO_PRODUCTS: _("It offers no kind of S/MIME certificate to our organisation."),
    HealthFinding.HANDS_OUT_CHAIN: _(
        "It hands out the CA certificates of chain_file. It asks for credentials at a request only."
    ),
}


def in_words(found: HealthDetail) -> str:
    """The sentence in the active language."""
    days = {name: date_format(date.fromisoformat(day)) for name, day in found.values.items() if name == DAY}
    return _sentence(found.finding, {**found.values, **days})


def in_english(*found: HealthDetail) -> str:
    """The sentences in English, for commands and logs."""
    with translation.override(None):  # the words of the source
        return " ".join(_sentence(each.finding, each.values) for each in found)


def _sentence(finding: HealthFinding, values: Mapping[str, str]) -> str:
    return str(WORDS[finding]) % values
