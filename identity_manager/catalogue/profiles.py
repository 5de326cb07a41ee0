"""Verbs on certificate profiles."""

import uuid
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from ca_bridge import registry
from ca_bridge.errors import CaError
from ca_bridge.profiles import check_profile
from identity_manager.catalogue import versions
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.models import CertificateProfile, Person
from identity_manager.workflow.errors import NotPossible, Reason, refuse

UNKNOWN_CA = Reason("unknown-ca", _("This certificate authority is not in the configuration."))


def add_profile_version(*, actor: Person, code: str, values: dict[str, Any]) -> CertificateProfile:
    """Add a draft, the next version of the code; values are the fields of the model.

    Raises NotAllowed, or NotPossible where the bridge refuses the profile or knows no such CA.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        profile = CertificateProfile(
            code=code, number=versions.next_number(CertificateProfile, code), **values
        )
        _check(profile)

        profile.save()
        versions.record(profile, what="added", actor=actor)
        return profile


def activate_profile(*, actor: Person, profile_id: uuid.UUID, four_eyes: bool) -> CertificateProfile:
    """Put the version in force; types that pin another version keep that. In production four_eyes is True."""
    with transaction.atomic():
        require_system_administrator(actor)
        profile = CertificateProfile.objects.get(pk=profile_id)
        _check(profile)
        versions.put_in_force(profile, actor=actor, four_eyes=four_eyes)
        return profile


def _check(profile: CertificateProfile) -> None:
    refuse(None if profile.ca in registry.aliases() else UNKNOWN_CA, field="ca")
    try:
        check_profile(profile.as_profile())
    except CaError as error:
        raise NotPossible(Reason("bad-profile", error.message)) from error
