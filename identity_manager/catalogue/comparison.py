"""Field-by-field content of catalogue versions, and differences between two of them."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from identity_manager.models import ApproverGroup, TermsDocument
from identity_manager.models.catalogue.entry_fields import content_fields

Content = dict[str, Any]


@dataclass(frozen=True)
class FieldChange:
    """A changed field, with plain values before and after."""

    field: str
    before: Any
    after: Any

    def as_fact(self) -> dict[str, Any]:
        """For the audit log."""
        return {"field": self.field, "from": self.before, "to": self.after}


def content_of(entry: Model, fields_of: type[Model] | None = None) -> Content:
    """The version's content as plain values, in the order of the model's fields.

    fields_of: the abstract model whose fields alone are content; without it, all of the entry's are.
    """
    return {
        name: _pinned(entry) if field.many_to_many else _plain(getattr(entry, name))
        for name, field in content_fields(fields_of or type(entry)).items()
    }


def changes(before: Content, after: Content) -> list[FieldChange]:
    """The fields that differ, in the order of the second."""
    return [
        FieldChange(name, before.get(name), value)
        for name, value in after.items()
        if name not in before or before[name] != value
    ]


def _pinned(entry: Any) -> list[str]:
    """The versions of profiles in their order, by code and number."""
    pinned = [] if entry._state.adding else entry.ordered_profiles()
    return [f"{profile.code} {profile.number}" for profile in pinned]


def _plain(value: Any) -> Any:
    if isinstance(value, TermsDocument):
        return value.code
    if isinstance(value, ApproverGroup):
        return value.name
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value
