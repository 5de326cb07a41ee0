"""Certificate profiles and token types: drafts of the next version, compared with the version in force."""

import re
import uuid
from typing import Any

from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import comparison, profiles, types
from identity_manager.configuration import shapes
from identity_manager.configuration.kind import ConfigurationKind, Making, Present, Values, keys_of
from identity_manager.models import (
    ApproverGroup,
    CertificateProfile,
    TermsDocument,
    TokenType,
    VersionState,
)
from identity_manager.transactions.refusals import NotPossible, Reason

PROFILE, TYPE = "profile", "token-type"
NO_PROFILE_HERE = _(
    "No certificate profile %(code)s is in force here, and the file brings none. Put it into the file, or"
    " make it first."
)
NO_TERMS_HERE = _("There are no terms %(code)s here, and the file brings none. Make them first.")
NO_APPROVERS_HERE = _(
    "There is no approver group %(name)s here. Who is in it is decided on here: make the group first."
)


def is_code(code: str) -> bool:
    """Whether it can name an entry of the catalogue."""
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", code) is not None


def _present(row: Any) -> Present:
    """An entry with references by code: numbers of versions differ between installations."""
    said = comparison.content_of(row)
    if isinstance(row, TokenType):
        said["profiles"] = [profile.code for profile in row.ordered_profiles()]
    return Present(said, row.pk)


def _active(model: Any) -> dict[str, Present]:
    return {row.code: _present(row) for row in _rows(model).active()}


def _drafts(model: Any) -> dict[str, Present]:
    return {row.code: _present(row) for row in _rows(model).drafts()}


def _rows(model: Any) -> Any:
    return (
        model.objects.select_related("terms", "approver_group") if model is TokenType else model.objects.all()
    )


def _make_profile(making: Making, code: str, values: Values) -> uuid.UUID:
    row = profiles.add_profile_version(actor=making.actor, code=code, values=values)
    making.ask(lambda: profiles.ask_activation(actor=making.actor, profile_id=row.pk, revision=None))
    return row.pk


def _make_type(making: Making, code: str, values: Values) -> uuid.UUID:
    pinned = [_profile(making, each) for each in values["profiles"]]
    columns = {name: value for name, value in values.items() if name != "profiles"}
    columns["terms"] = _terms(values["terms"])
    columns["approver_group"] = _approvers(values["approver_group"])
    row = types.add_type_beside_drafts(actor=making.actor, code=code, values=columns, profiles=pinned)
    making.ask(lambda: types.ask_activation(actor=making.actor, type_id=row.pk, revision=None))
    return row.pk


def _pins_older(present: Present, making: Making) -> bool:
    """Whether the file brings a draft of a profile that this version of the type pins an older version of."""
    pinned = TokenType.objects.get(pk=present.pk).ordered_profiles()
    return any(making.has_draft(PROFILE, each.code) and each.state != VersionState.DRAFT for each in pinned)


def _profile(making: Making, code: str) -> CertificateProfile:
    """The draft that this file brings, else the version in force."""
    rows = CertificateProfile.objects.filter(code=code)
    found = rows.drafts().first() if making.has_draft(PROFILE, code) else rows.active().first()
    if found is None:
        reason = Reason("configuration-no-profile", str(NO_PROFILE_HERE) % {"code": code})
        raise NotPossible(reason, field="profiles")
    return found


def _terms(code: str) -> TermsDocument:
    found = TermsDocument.objects.filter(code=code).first()
    if found is None:
        raise NotPossible(
            Reason("configuration-no-terms", str(NO_TERMS_HERE) % {"code": code}), field="terms"
        )
    return found


def _approvers(name: str | None) -> ApproverGroup | None:
    found = ApproverGroup.objects.filter(name=name).first() if name is not None else None
    if name is not None and found is None:
        reason = Reason("configuration-no-approver-group", str(NO_APPROVERS_HERE) % {"name": name})
        raise NotPossible(reason, field="approver_group")
    return found


PROFILES = ConfigurationKind(
    name=PROFILE,
    label=_("Certificate profiles"),
    line=_("What a certificate says, what it is for, who issues it"),
    keys=keys_of(
        CertificateProfile, subject=shapes.PAIRS, subject_alt_names=shapes.PAIRS, policies=shapes.LIST
    ),
    here=lambda: _active(CertificateProfile),
    drafts=lambda: _drafts(CertificateProfile),
    make=_make_profile,
    page="console:profile",
    is_code=is_code,
)
TYPES = ConfigurationKind(
    name=TYPE,
    label=_("Token types"),
    line=_("What a person can be given, and under which rules"),
    keys=keys_of(TokenType),
    here=lambda: _active(TokenType),
    drafts=lambda: _drafts(TokenType),
    make=_make_type,
    moves_on=_pins_older,
    page="console:token-type",
    is_code=is_code,
)
