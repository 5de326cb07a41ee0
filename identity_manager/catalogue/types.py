"""Verbs on token types."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.x509.profiles import ProfileError, check_key_usage, check_validity
from identity_manager.catalogue import archiving, comparison, mail_keys, versions
from identity_manager.catalogue.permission import require_system_administrator
from identity_manager.catalogue.validation import check_fields
from identity_manager.models import (
    CertificateProfile,
    CertificatePurpose,
    ManagerApproval,
    Person,
    PersonKind,
    RecoveryCertificate,
    TermsDraft,
    TokenType,
    TokenTypeProfile,
    VersionState,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotPossible, Reason, Stale, obstacle_of, refuse, require

NO_PROFILE = Reason("no-profile", _("A token type needs at least one certificate profile."))
PROFILE_TWICE = Reason("profile-twice", _("Each certificate profile stands in a token type once."))
NOT_FOR_ANYBODY = Reason("not-for-anybody", _("Say which kinds of person may have it."))
NOT_TO_BE_ARCHIVED = Reason(
    "not-to-be-archived",
    _(
        "None of its profiles has a key that may be archived: only keys that serve encryption are, and where"
        " they sign, too, only if their profile says so."
    ),
)
TERMS_DO_NOT_SAY_IT = Reason(
    "terms-do-not-name-archiving",
    _("The version of these terms in force does not say that a copy of these keys is kept."),
)
NO_RECOVERY_CERTIFICATE = Reason(
    "no-recovery-certificate",
    _("No recovery certificate is in force: there is nothing that keys could be archived for."),
)
NOTHING_LEAVES = Reason(
    "nothing-leaves",
    _("None of its profiles has a key that decrypts mail without signing documents: no other key may leave."),
)
TARGETS_GET_NO_KEYS = Reason(
    "targets-alone-without-keys",
    _("Targets alone can deliver a type only if its keys may go to targets: choose both."),
)
NOT_ALL_LEAVE = Reason(
    "targets-alone-not-all-leave",
    _(
        "Targets alone can deliver a type only if the key of each certificate may go there: each has to"
        " decrypt mail, and none may sign documents."
    ),
)
NO_TARGET_ON = Reason(
    "targets-alone-none-on",
    _(
        "No target that takes keys is switched on for this type: nobody would get the keys. Activate a"
        " version without this first, and have a target switched on for it."
    ),
)
NO_MAIL_SERVERS = Reason(
    "no-mail-servers",
    _("The settings name no mail servers for such an account: APPLE_MAIL_IMAP and APPLE_MAIL_SMTP."),
)
NOT_FOR_MAIL = Reason("not-for-mail", _("None of its profiles is for signing or encrypting mail."))
GROUP_DECIDES_NOT = Reason(
    "manager-beside-no-group",
    _("Choose an approver group: without one every Approver of the unit may approve, the manager too."),
)
NO_TERMS = Reason("no-terms", _("No version of these terms is published yet: nobody could accept them."))


def add_type_version(
    *,
    actor: Person,
    code: str,
    values: dict[str, Any],
    profiles: Sequence[CertificateProfile],
    is_new: bool = False,
    base: versions.Base | None = None,
) -> TokenType:
    """Add a draft, the next version of the code, that pins these versions of profiles in this order.

    values are the fields of the model. is_new: the code must not be there yet. base: what the new version
    was made from.

    Raises NotAllowed, Stale where there is a draft already or the base has moved on, or NotPossible with the
    field and the reason.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        if is_new:
            versions.refuse_taken_code(TokenType, code)
        versions.refuse_older_base(TokenType, base)
        return _add(actor=actor, token_type=_next(code, values), profiles=profiles, with_drafts=False)


def add_type_beside_drafts(
    *, actor: Person, code: str, values: dict[str, Any], profiles: Sequence[CertificateProfile]
) -> TokenType:
    """Add a draft that may pin drafts of profiles, too, as a configuration file brings them together.

    It is activated once those profiles are in force. Raises as add_type_version does.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        return _add(actor=actor, token_type=_next(code, values), profiles=profiles, with_drafts=True)


def _next(code: str, values: dict[str, Any]) -> TokenType:
    """The next version of the code, not saved yet."""
    return TokenType(code=code, number=versions.next_number(TokenType, code), **values)


def _add(
    *, actor: Person, token_type: TokenType, profiles: Sequence[CertificateProfile], with_drafts: bool
) -> TokenType:
    versions.refuse_second_draft(TokenType, token_type.code)
    _check(token_type, profiles, with_drafts=with_drafts)

    with versions.one_draft():
        token_type.save()
    _pin(token_type, profiles)
    token_type.editors.add(actor)
    versions.record(token_type, what="added", actor=actor)
    return token_type


def change_type(
    *,
    actor: Person,
    type_id: uuid.UUID,
    revision: int | None,
    values: dict[str, Any],
    profiles: Sequence[CertificateProfile],
) -> TokenType:
    """Change a draft; its activation has to be asked for again. What does not change anything is no change.

    Raises NotAllowed, Stale (no draft any more, or changed since revision), NotPossible with the field.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        token_type = versions.draft(TokenType, type_id, revision=revision)
        before = comparison.content_of(token_type)
        for name, value in values.items():
            setattr(token_type, name, value)
        _check(token_type, profiles)
        if token_type.ordered_profiles() != list(profiles):
            _pin(token_type, profiles)
        changes = comparison.changes(before, comparison.content_of(token_type))
        if not changes:
            return token_type

        token_type.forget_question()
        token_type.save()
        token_type.editors.add(actor)
        versions.record(token_type, what="changed", actor=actor, changes=changes)
        return token_type


def ask_activation(*, actor: Person, type_id: uuid.UUID, revision: int | None) -> TokenType:
    """Ask for a second System Administrator to activate the draft.

    Drafts that it stands beside, of its profiles and its terms, are put in force first.

    Raises NotAllowed, Stale, or NotPossible where nobody could activate it as it is.
    """
    with transaction.atomic():
        require_system_administrator(actor)
        token_type = versions.draft_to_ask_for(TokenType, type_id, revision=revision)
        _require_complete(token_type, with_drafts=True)

        versions.ask(token_type, actor=actor)
        return token_type


def activate_type(
    *, actor: Person, type_id: uuid.UUID, four_eyes: bool, revision: int | None = None
) -> TokenType:
    """Offer the version; requests under the former one go on. In production four_eyes is True."""
    with transaction.atomic():
        require_system_administrator(actor)
        token_type = versions.locked(TokenType, type_id)
        refuse(versions.CHANGED_MEANWHILE if revision not in (None, token_type.version) else None, kind=Stale)
        locking.terms_document(token_type.terms_id)  # no version that says less is published meanwhile
        _require_complete(token_type)
        versions.put_in_force(token_type, actor=actor, four_eyes=four_eyes)
        return token_type


def activation_obstacle(token_type: TokenType) -> Reason | None:
    """Why the version of the token type cannot be put in force, or None."""
    return obstacle_of(lambda: _require_complete(token_type))


def _require_complete(token_type: TokenType, *, with_drafts: bool = False) -> None:
    profiles = token_type.ordered_profiles()
    _check(token_type, profiles, with_drafts=with_drafts)
    drafted = TermsDraft.objects.filter(document=token_type.terms).first() if with_drafts else None
    terms = drafted or token_type.terms.versions.filter(is_current=True).first()
    if terms is None:
        raise NotPossible(NO_TERMS, field="terms")
    if token_type.keys_leave:
        holders = mail_keys.holders_of(token_type.code)
        refuse(mail_keys.terms_obstacle(token_type, holders), field="terms")
        refuse(NO_TARGET_ON if token_type.targets_alone and not holders else None, field="targets_alone")
    if token_type.archive_key:
        says_it = archiving.are_named(terms.names_archiving, profiles)
        require(says_it, else_=TERMS_DO_NOT_SAY_IT, field="terms")
        in_force = RecoveryCertificate.objects.in_force(timezone.now()).exists()
        require(in_force, else_=NO_RECOVERY_CERTIFICATE, field="archive_key")


def _pin(token_type: TokenType, profiles: Sequence[CertificateProfile]) -> None:
    token_type.token_type_profiles.all().delete()
    for position, profile in enumerate(profiles):
        TokenTypeProfile.objects.create(token_type=token_type, profile=profile, position=position)


def _check(
    token_type: TokenType, profiles: Sequence[CertificateProfile], *, with_drafts: bool = False
) -> None:
    check_fields(token_type)
    kinds = set(token_type.kinds)
    require(kinds and kinds <= set(PersonKind.values), else_=NOT_FOR_ANYBODY, field="kinds")
    beside_nobody = token_type.approver_group is None
    may = token_type.manager_approval == ManagerApproval.MAY
    refuse(GROUP_DECIDES_NOT if may and beside_nobody else None, field="manager_approval")
    pinnable = {VersionState.ACTIVE, VersionState.DRAFT} if with_drafts else {VersionState.ACTIVE}
    inactive = [profile for profile in profiles if profile.state not in pinnable]
    refuse(_not_active(inactive[0]) if inactive else None, field="profiles")
    _check_profiles(token_type, profiles)


def _check_profiles(token_type: TokenType, profiles: Sequence[CertificateProfile]) -> None:
    require(profiles, else_=NO_PROFILE, field="profiles")
    once = len({profile.code for profile in profiles}) == len(profiles)
    require(once, else_=PROFILE_TWICE, field="profiles")
    archives_none = token_type.archive_key and not archiving.archived_profiles(profiles)
    refuse(NOT_TO_BE_ARCHIVED if archives_none else None, field="archive_key")
    none_leaves = token_type.keys_leave and not mail_keys.keys_that_leave(profiles)
    refuse(NOTHING_LEAVES if none_leaves else None, field="keys_leave")
    if token_type.targets_alone:
        require(token_type.keys_leave, else_=TARGETS_GET_NO_KEYS, field="targets_alone")
        all_leave = len(mail_keys.keys_that_leave(profiles)) == len(profiles)
        require(all_leave, else_=NOT_ALL_LEAVE, field="targets_alone")
    if token_type.apple_mail_account:
        require(settings.APPLE_MAIL_SERVERS, else_=NO_MAIL_SERVERS, field="apple_mail_account")
        for_mail = any(each.purpose != CertificatePurpose.AUTHENTICATION for each in profiles)
        require(for_mail, else_=NOT_FOR_MAIL, field="apple_mail_account")
    for profile in profiles:
        _check_profile(token_type, profile)


def _not_active(profile: CertificateProfile) -> Reason:
    words = {"profile": profile.name, "number": profile.number}
    sentence = _("Version %(number)d of %(profile)s is not active: a token type takes active versions only.")
    return Reason("profile-not-active", sentence % words)


def _check_profile(token_type: TokenType, profile: CertificateProfile) -> None:
    longest = profile.longest_validity_days
    if longest is not None and token_type.validity_days > longest:
        words = {"profile": profile.name, "days": longest}
        sentence = _("Certificates of %(profile)s hold for at most %(days)d days.") % words
        raise NotPossible(Reason("too-long", sentence), field="validity_days")
    try:
        check_validity(tuple(profile.policies), timedelta(days=token_type.validity_days))
    except ProfileError as error:
        sentence = f"{profile.name}: {error.message}"
        raise NotPossible(Reason("too-long", sentence), field="validity_days") from error
    try:
        check_key_usage(tuple(profile.key_usage), KeyAlgorithm(token_type.key_algorithm))
    except ProfileError as error:
        sentence = f"{profile.name}: {error.message}"
        raise NotPossible(Reason("wrong-key", sentence), field="key_algorithm") from error
