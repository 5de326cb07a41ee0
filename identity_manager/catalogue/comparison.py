"""What a version says, field by field, and in what two versions differ."""

from dataclasses import dataclass
from typing import Any

from identity_manager.models import CertificateProfile, TermsDocument, TokenType

PROFILE_FIELDS = (
    "name",
    "purpose",
    "subject",
    "subject_alt_names",
    "include_sid",
    "key_usage",
    "extended_key_usage",
    "policies",
    "ca",
    "ca_profile",
    "longest_validity_days",
)
TYPE_FIELDS = (
    "name",
    "description",
    "profiles",
    "kinds",
    "approval",
    "approvers_needed",
    "terms",
    "validity_days",
    "passphrase_days",
    "container_retention_days",
    "key_algorithm",
    "container_format",
    "position",
)
Content = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A field that is not as it was; plain values."""

    field: str
    before: Any
    after: Any

    def as_fact(self) -> dict[str, Any]:
        """For the audit log."""
        return {"field": self.field, "from": self.before, "to": self.after}


def content_of(entry: CertificateProfile | TokenType) -> Content:
    """What the version says, in plain values, in the order of the form."""
    if isinstance(entry, CertificateProfile):
        return {name: _plain(getattr(entry, name)) for name in PROFILE_FIELDS}
    return {name: _of_type(entry, name) for name in TYPE_FIELDS}


def changes(before: Content, after: Content) -> list[Change]:
    """The fields that differ, in the order of the second."""
    return [
        Change(name, before.get(name), value)
        for name, value in after.items()
        if name not in before or before[name] != value
    ]


def _of_type(entry: TokenType, name: str) -> Any:
    if name == "profiles":
        pinned = [] if entry._state.adding else entry.ordered_profiles()
        return [f"{profile.code} {profile.number}" for profile in pinned]
    return _plain(getattr(entry, name))


def _plain(value: Any) -> Any:
    if isinstance(value, TermsDocument):
        return value.code
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value
