"""Verbs on token types."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import versions
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.models import (
    CertificateProfile,
    CertificatePurpose,
    Person,
    PersonKind,
    TokenType,
    TokenTypeProfile,
    VersionState,
)
from identity_manager.workflow.errors import NotPossible, Reason, refuse

NO_PROFILE = Reason("no-profile", _("A token type needs at least one certificate profile."))
PROFILE_NOT_ACTIVE = Reason("profile-not-active", _("A token type takes active versions of profiles only."))
NOT_FOR_ANYBODY = Reason("not-for-anybody", _("Say which kinds of person may have it."))
NOT_TO_BE_ARCHIVED = Reason(
    "not-to-be-archived", _("Only keys that serve encryption alone are archived; others never are.")
)


def add_type_version(
    *, actor: Person, code: str, values: dict[str, Any], profiles: Sequence[CertificateProfile]
) -> TokenType:
    """Add a draft, the next version of the code, that pins these versions of profiles in this order.

    values are the fields of the model. Raises NotAllowed, or NotPossible with the field and the reason.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        token_type = TokenType(code=code, number=versions.next_number(TokenType, code), **values)
        _check(token_type, profiles)

        token_type.save()
        for position, profile in enumerate(profiles):
            TokenTypeProfile.objects.create(token_type=token_type, profile=profile, position=position)
        versions.record(token_type, what="added", actor=actor)
        return token_type


def activate_type(*, actor: Person, type_id: uuid.UUID, four_eyes: bool) -> TokenType:
    """Offer the version; requests under the former one go on. In production four_eyes is True."""
    with transaction.atomic():
        require_system_administrator(actor)
        token_type = TokenType.objects.get(pk=type_id)
        _check(token_type, token_type.ordered_profiles())
        versions.put_in_force(token_type, actor=actor, four_eyes=four_eyes)
        return token_type


def _check(token_type: TokenType, profiles: Sequence[CertificateProfile]) -> None:
    refuse(None if profiles else NO_PROFILE, field="profiles")
    active = all(profile.state == VersionState.ACTIVE for profile in profiles)
    refuse(None if active else PROFILE_NOT_ACTIVE, field="profiles")
    kinds = set(token_type.kinds)
    refuse(None if kinds and kinds <= set(PersonKind.values) else NOT_FOR_ANYBODY, field="kinds")
    encryption = all(profile.purpose == CertificatePurpose.ENCRYPTION for profile in profiles)
    refuse(NOT_TO_BE_ARCHIVED if token_type.archive_key and not encryption else None, field="archive_key")
    try:
        token_type.clean_fields(exclude=["state"])  # which is protected, even from the value that it has
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise NotPossible(Reason("bad-value", " ".join(messages)), field=field) from error
