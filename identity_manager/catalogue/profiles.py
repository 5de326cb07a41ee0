"""Verbs on certificate profiles."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from ca_bridge.x509.preview import Preview, preview
from ca_bridge.x509.profiles import ENCIPHERMENT, ProfileError, check_profile, check_public, check_validity
from identity_manager.catalogue import comparison, samples, versions
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.catalogue.validation import check_fields
from identity_manager.models import CertificateProfile, CertificatePurpose, Person
from identity_manager.transactions.refusals import NotPossible, Reason, Stale, obstacle_of, refuse, require

UNKNOWN_CA = Reason("unknown-ca", _("This certificate authority is not in the configuration."))
SIGNS_TOO = Reason(
    "signs-too",
    _("A key that serves encryption alone has no other usage: it may be archived, and others never are."),
)
NO_DUAL_USE = Reason(
    "never-archived",
    _(
        "This is for one certificate that signs and encrypts, without nonRepudiation: keys that only sign or"
        " authenticate are never archived, nor is one that signs documents in the person's name."
    ),
)


def add_profile_version(
    *,
    actor: Person,
    code: str,
    values: dict[str, Any],
    is_new: bool = False,
    base: versions.Base | None = None,
) -> CertificateProfile:
    """Add a draft, the next version of the code; values are the fields of the model.

    is_new: the code must not be there yet.  base: what the new version was made from.

    Raises NotAllowed, Stale where there is a draft already or the base has moved on, or NotPossible, with the
    field, where the bridge refuses the profile or knows no such CA.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        if is_new:
            versions.refuse_taken_code(CertificateProfile, code)
        versions.refuse_second_draft(CertificateProfile, code)
        versions.refuse_older_base(CertificateProfile, base)
        number = versions.next_number(CertificateProfile, code)
        profile = CertificateProfile(code=code, number=number, **values)
        _check(profile)

        with versions.one_draft():
            profile.save()
        profile.editors.add(actor)
        versions.record(profile, what="added", actor=actor)
        return profile


def change_profile(
    *, actor: Person, profile_id: uuid.UUID, revision: int | None, values: dict[str, Any]
) -> CertificateProfile:
    """Change a draft; its activation has to be asked for again. What does not change anything is no change.

    Raises NotAllowed, Stale (no draft any more, or changed since revision), NotPossible with the field.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        profile = versions.draft(CertificateProfile, profile_id, revision=revision)
        before = comparison.content_of(profile)
        for name, value in values.items():
            setattr(profile, name, value)
        _check(profile)
        changes = comparison.changes(before, comparison.content_of(profile))
        if not changes:
            return profile

        profile.forget_question()
        profile.save()
        profile.editors.add(actor)
        versions.record(profile, what="changed", actor=actor, changes=changes)
        return profile


def ask_activation(*, actor: Person, profile_id: uuid.UUID, revision: int | None) -> CertificateProfile:
    """Ask for a second System Administrator to activate the draft.

    Raises NotAllowed, Stale, or NotPossible where nobody could activate it as it is.
    """
    linted = _linted(profile_id)
    with transaction.atomic():
        require_system_administrator(actor)
        profile = versions.draft_to_ask_for(CertificateProfile, profile_id, revision=revision)
        _require_sound(profile, linted)

        versions.ask(profile, actor=actor)
        return profile


def activate_profile(
    *, actor: Person, profile_id: uuid.UUID, four_eyes: bool, revision: int | None = None
) -> CertificateProfile:
    """Put the version in force; types that pin another version keep that. In production four_eyes is True.

    Raises NotAllowed, Stale, or NotPossible where the linter finds what forbids its certificates.
    """
    linted = _linted(profile_id)
    with transaction.atomic():
        require_system_administrator(actor)
        profile = versions.locked(CertificateProfile, profile_id)
        refuse(versions.CHANGED_MEANWHILE if revision not in (None, profile.version) else None, kind=Stale)
        _require_sound(profile, linted)
        versions.put_in_force(profile, actor=actor, four_eyes=four_eyes)
        return profile


def preview_for(profile: CertificateProfile, person: Person | None) -> Preview:
    """Preview of the person's certificate, with what the linter finds; without a person, for a sample."""
    return preview(profile.as_profile(), samples.fields_of(person or samples.person()))


def activation_obstacle(profile: CertificateProfile) -> Reason | None:
    """Why the profile version cannot be put in force, or None; findings of the linter are in its preview."""
    return obstacle_of(lambda: _check(profile))


@dataclass(frozen=True)
class _Linted:
    """Errors that the linter finds in a profile, as it was at this revision."""

    revision: int
    errors: tuple[str, ...]


def _linted(profile_id: uuid.UUID) -> _Linted | None:
    """Before the transaction that needs it: a lint takes its time and needs no lock. None: it is gone."""
    profile = CertificateProfile.objects.filter(pk=profile_id).first()
    if profile is None:
        return None
    remarks = preview_for(profile, None).remarks
    return _Linted(profile.version, tuple(remark.text for remark in remarks if remark.is_error))


def _require_sound(profile: CertificateProfile, linted: _Linted | None) -> None:
    """Raise Stale where it is no longer what was linted, NotPossible where it cannot be put in force."""
    if linted is None or linted.revision != profile.version:
        raise Stale(versions.CHANGED_MEANWHILE)
    _check(profile)
    if linted.errors:
        raise NotPossible(Reason("lint-errors", " ".join(linted.errors)))


def _check(profile: CertificateProfile) -> None:
    check_fields(profile)
    require(profile.ca in registry.aliases(), else_=UNKNOWN_CA, field="ca")
    try:
        check_profile(profile.as_profile())
        check_public(profile.as_profile(), is_public=bool(registry.caa_identities(profile.ca)))
        check_validity(tuple(profile.policies), timedelta(days=profile.longest_validity_days or 0))
    except ProfileError as error:
        raise NotPossible(Reason("bad-profile", error.message), field=error.part or None) from error
    encryption = profile.purpose == CertificatePurpose.ENCRYPTION
    for_encryption = ENCIPHERMENT | {"keyAgreement"}
    refuse(
        SIGNS_TOO if encryption and not set(profile.key_usage) <= for_encryption else None, field="key_usage"
    )
    refuse(
        NO_DUAL_USE if profile.archive_dual_use and not profile.may_be_archived else None,
        field="archive_dual_use",
    )
