"""Edit conflicts of token types and certificate profiles: another officer acted while a form was open.

The input stays in the form, which carries the present revision afterwards: a second submit overwrites.
"""

from typing import Any

from django.http import QueryDict

from identity_manager.audit import Event
from identity_manager.catalogue import versions
from identity_manager.console.catalogue import wording
from identity_manager.console.catalogue.forms import EntryForm
from identity_manager.console.catalogue.kinds import Entry, EntryKind
from identity_manager.models import AuditEvent, VersionState
from identity_manager.transactions.refusals import Reason


def context(kind: EntryKind, row: Entry, form: EntryForm, reason: Reason) -> dict[str, Any]:
    """Page context of a conflict, by its reason."""
    if reason is versions.GONE:
        return _discarded(kind, row, form)
    if reason is versions.NOT_A_DRAFT:
        return _activated(kind, row, form)
    if reason is versions.DRAFT_EXISTS:
        draft = kind.model.objects.drafts().filter(code=row.code).first()
        return {"draft_page": kind.url("", draft.pk)} if draft else {}
    if reason is versions.OTHER_IN_FORCE:
        return _other_in_force(kind, row, form)
    return _changed(kind, row, form)


def _changed(kind: EntryKind, row: Entry, form: EntryForm) -> dict[str, Any]:
    """The draft was changed: by whom, and which fields."""
    present = kind.model.objects.filter(pk=row.pk, state=VersionState.DRAFT).first()
    if present is None:
        return {}
    _carry(form, revision=present.version)
    event = _last(kind, row, "changed")
    return {"meanwhile": {**event, "fields": event["changed"]}} if event else {}


def _other_in_force(kind: EntryKind, row: Entry, form: EntryForm) -> dict[str, Any]:
    """Another version is in force now, from which the next one differs."""
    _carry_base(kind, form, kind.model.objects.get(pk=row.pk))
    present = kind.model.objects.active().filter(code=row.code).first()
    if present is None:
        return {"none_in_force": True}
    return {"other_version": present, "other_page": kind.url("", present.pk)}


def _discarded(kind: EntryKind, row: Entry, form: EntryForm) -> dict[str, Any]:
    """The draft was discarded: by whom."""
    return {"discarded": _last(kind, row, "discarded") or {}, **_as_next_version(kind, row, form)}


def _activated(kind: EntryKind, row: Entry, form: EntryForm) -> dict[str, Any]:
    """The draft was activated: by whom."""
    return {"activated": _last(kind, row, "activated") or {}, **_as_next_version(kind, row, form)}


def _as_next_version(kind: EntryKind, row: Entry, form: EntryForm) -> dict[str, Any]:
    """Turn the form of a former draft into one of the next version, or of a new entry."""
    rows = kind.model.objects.filter(code=row.code).exclude(state=VersionState.DRAFT)
    base = rows.active().first() or rows.order_by("-number").first()
    if base is None:
        _carry(form, revision="")
        return {"action": kind.url("new"), "code": row.code}
    _carry_base(kind, form, base)
    return {"action": kind.url("new-version", base.pk)}


def _carry_base(kind: EntryKind, form: EntryForm, base: Entry) -> None:
    """Set the form's base version to the present one."""
    _carry(form, revision=base.version, next_number=versions.next_number(kind.model, base.code))


def _carry(form: EntryForm, **shown: object) -> None:
    data = QueryDict(mutable=True)
    data.update(form.data)
    for name, value in shown.items():
        data[name] = str(value)
    form.data = data


def _last(kind: EntryKind, row: Entry, what: str) -> dict[str, Any] | None:
    """Officer, time and changed fields of the last such audit event of the version; None without one."""
    rows = AuditEvent.objects.filter(
        name=Event.CATALOGUE_CHANGED.value, facts__id=str(row.pk), facts__what=f"{kind.slug}-{what}"
    )
    event = rows.select_related("actor").order_by("-pk").first()
    if event is None:
        return None
    return {"who": str(event.actor), "at": event.at, "changed": wording.changed_fields(event.facts)}
