"""Key archiving of token types: which keys a type archives, and whether its terms say so."""

from collections.abc import Sequence

from identity_manager.models import CertificateProfile, CertificatePurpose, NamedArchiving


def archived_profiles(profiles: Sequence[CertificateProfile]) -> list[CertificateProfile]:
    """Of these profiles of a type that archives, those whose keys are archived."""
    return [profile for profile in profiles if profile.may_be_archived]


def are_named(names_archiving: str, profiles: Sequence[CertificateProfile]) -> bool:
    """Whether terms that say this of archiving say it of every key that such a type archives."""
    wanted = archived_profiles(profiles)
    if any(profile.purpose == CertificatePurpose.COMBINED for profile in wanted):
        return names_archiving == NamedArchiving.DUAL_USE
    return not wanted or names_archiving != NamedArchiving.NONE
