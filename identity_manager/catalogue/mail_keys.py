"""Keys for mail: which certificates are published, which keys may leave, whether terms name who gets them."""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from identity_manager.models import CertificateProfile, TargetUse, TokenType
from identity_manager.models.targets.placement import ENCRYPTS
from identity_manager.transactions.refusals import Reason

EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.4"  # RFC 5280 4.2.1.12
ENCRYPTING = frozenset({"keyEncipherment", "keyAgreement"})
NON_REPUDIATION = "nonRepudiation"  # RFC 5280 4.2.1.3: signatures that the person answers for

HOLDER_NOT_NAMED = Reason(
    "terms-do-not-name-key-holder",
    _("The version of the terms in force does not say that such a target gets a copy of the keys."),
)


def encrypts_mail(profile: CertificateProfile) -> bool:
    """Whether mail can be encrypted to certificates of this profile; no others are published."""
    usages = profile.extended_key_usage
    is_for_mail = not usages or EMAIL_PROTECTION in usages
    return profile.purpose in ENCRYPTS and is_for_mail and not ENCRYPTING.isdisjoint(profile.key_usage)


def may_leave(profile: CertificateProfile) -> bool:
    """Whether keys of this profile may go to a target: they decrypt mail, and sign no documents."""
    return encrypts_mail(profile) and NON_REPUDIATION not in profile.key_usage


def keys_that_leave(profiles: Iterable[CertificateProfile]) -> list[CertificateProfile]:
    """Of these profiles, those whose keys may go to targets."""
    return [profile for profile in profiles if may_leave(profile)]


def holders_of(type_code: str) -> list[str]:
    """Kinds of the targets that keys of this type go to, as switched on and in the settings."""
    names = TargetUse.objects.in_force().filter(type_code=type_code).values_list("target__name", flat=True)
    found = [settings.TARGETS[name] for name in names if name in settings.TARGETS]
    return sorted({each.kind for each in found if each.takes_keys})


def are_named(holders: Iterable[str], named: Sequence[str]) -> bool:
    """Whether terms that name these holders name all to which keys go."""
    return all(each in named for each in holders)


def terms_obstacle(token_type: TokenType, holders: Iterable[str]) -> Reason | None:
    """Why keys of the type cannot go to these holders: its terms in force do not name them; or None."""
    version = token_type.terms.versions.filter(is_current=True).first()
    named = version.names_key_holders if version else []
    return None if are_named(holders, named) else HOLDER_NOT_NAMED
