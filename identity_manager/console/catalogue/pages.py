"""Page context of token types and certificate profiles, in ADMIN."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ca_bridge.x509.preview import Preview
from identity_manager.catalogue import comparison, permission, profiles, types, versions
from identity_manager.console.access import administration
from identity_manager.console.catalogue import wording
from identity_manager.console.catalogue.forms import EntryForm, ProfileForm, RevisionForm
from identity_manager.console.catalogue.kinds import Entry, EntryKind
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people import second_officers
from identity_manager.models import CertificateProfile, Person, SoftwareToken, TokenType, VersionState
from identity_manager.models.catalogue.entry_fields import content_fields
from identity_manager.models.catalogue.versioning import Drafted
from identity_manager.models.requests.states import BEFORE_ISSUED
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import Reason
from identity_manager.ui import cells
from identity_manager.ui.parts import Pair

SUGGESTIONS = 5
CONFIRMATIONS: dict[str, tuple[Words, Words, Words]] = {
    "activate": (
        _("Activate %(name)s, version %(number)d"),
        _("From then on this version is used. The one that was in force retires."),
        _("Activate"),
    ),
    "refuse": (
        _("Refuse %(name)s, version %(number)d"),
        _("The draft goes back to who made it."),
        _("Refuse"),
    ),
    "discard": (
        _("Discard the draft of %(name)s, version %(number)d"),
        _("The draft is gone for good. Nothing has ever used it."),
        _("Discard draft"),
    ),
    "retire": (
        _("Retire %(name)s, version %(number)d"),
        _("It is offered no more. What was asked for under it goes on, what was issued stays valid."),
        _("Retire"),
    ),
}


@dataclass(frozen=True)
class CatalogueLine:
    """One code in a list: the version that counts, and the draft of the next one."""

    entry: Any
    draft: Any
    versions: int


def listing(kind: EntryKind, actor: Person, *, form: VerbForm | None = None) -> dict[str, Any]:
    """Each code once: the version in force, else the newest."""
    rows: dict[str, list[Any]] = {}
    for row in _with_parts(kind, kind.model.objects.order_by("code", "-number")):
        rows.setdefault(row.code, []).append(row)
    lines = [_line(entries) for entries in rows.values()]
    lines.sort(key=lambda line: (line.entry.state == VersionState.RETIRED, _place(line.entry)))
    return {"kind": kind, "lines": lines, "may_edit": may_edit(actor), "form": form or RevisionForm()}


def may_edit(actor: Person) -> bool:
    """Whether the officer changes the catalogue, or only reads it."""
    return permission.is_system_administrator(actor)


def entry_context(
    kind: EntryKind, entry: Entry, actor: Person, *, form: VerbForm | None = None, asked: str | None = None
) -> dict[str, Any]:
    """One version: content, differences to its predecessor, actions, and a page of its history."""
    others = list(kind.model.objects.filter(code=entry.code).order_by("-number"))
    before = predecessor(kind, entry)
    preview = profiles.preview_for(entry, None) if isinstance(entry, CertificateProfile) else None
    lacking = _lacking(entry) if entry.state == VersionState.DRAFT else None
    possible = _possibilities(entry, others, actor)
    is_sound = preview is None or preview.is_sound
    return {
        "kind": kind,
        "row": entry,
        "form": form or RevisionForm(initial={"revision": entry.version}),
        "content": _content(entry),
        "versions": others,
        "before": before,
        "differences": differences(before, entry),
        "preview": preview,
        "pinned_by": _pinned_by(entry),
        "lacking": lacking,
        "may_ask": not (entry.asked_at or lacking or possible["nobody_else"]) and is_sound,
        "history": wording.history_page(kind.slug, entry.code, asked=asked),
        "here": kind.url("", entry.pk),
        **possible,
    }


def confirm_context(
    kind: EntryKind, entry: Entry, actor: Person, *, form: VerbForm, what: str
) -> dict[str, Any]:
    """Confirmation page of an action on a version: differences and consequences."""
    before = predecessor(kind, entry)
    return {
        "kind": kind,
        "row": entry,
        "form": form,
        "what": what,
        "words": _confirmation(kind, entry, what),
        "back": kind.url("", entry.pk),
        "before": before,
        "differences": differences(before, entry),
        "preview": profiles.preview_for(entry, None) if isinstance(entry, CertificateProfile) else None,
        "consequences": _consequences(entry, what),
        "obstacle": _obstacle(entry, actor, what),
    }


def _obstacle(entry: Entry, actor: Person, what: str) -> Reason | None:
    """Why this officer cannot take the action on the version now, or None."""
    if what == "activate":
        return _activation_obstacle(entry, actor)
    if what == "retire":
        return versions.retirement_obstacle(entry)
    asked = versions.asking_obstacle(entry) or versions.other_eyes_obstacle(entry, actor=actor)
    return versions.draft_obstacle(entry) or (asked if what == "refuse" else None)


def _activation_obstacle(entry: Entry, actor: Person) -> Reason | None:
    """Why this officer cannot activate the version, or None; linter findings are shown separately."""
    own = versions.other_eyes_obstacle(entry, actor=actor) if settings.CATALOGUE_FOUR_EYES else None
    return own or versions.state_obstacle(entry) or _lacking(entry)


def _lacking(entry: Entry) -> Reason | None:
    if isinstance(entry, CertificateProfile):
        return profiles.activation_obstacle(entry)
    return types.activation_obstacle(entry)


def _confirmation(kind: EntryKind, entry: Entry, what: str) -> Confirmation:
    words = {"name": entry.name, "number": entry.number}
    title, lead, button = CONFIRMATIONS[what]
    if what == "activate" and not kind.model.objects.active().filter(code=entry.code).exists():
        lead = _("From then on this version is used.")
    return Confirmation(
        title=title % words,
        lead=lead,
        button=button,
        back=kind.url("", entry.pk),
        tab="admin",
        dangerous=what != "activate",
    )


def _consequences(entry: Entry, what: str) -> list[Words]:
    """Consequences for requests and tokens in progress."""
    if what not in {"activate", "retire"}:
        return []
    if isinstance(entry, CertificateProfile):
        names = ", ".join(str(each) for each in _pinned_by(entry))
        if not names:
            return []
        return [
            _("Token types in force keep the version that they were made with: %(names)s.") % {"names": names}
        ]
    open_ones = SoftwareToken.objects.filter(token_type__code=entry.code, request__state__in=BEFORE_ISSUED)
    number = open_ones.count()
    if not number:
        return [_("No request of this type is under way.")]
    return [
        ngettext(
            "%(count)d token of it is under way. It goes on as it was asked for.",
            "%(count)d tokens of it are under way. They go on as they were asked for.",
            number,
        )
        % {"count": number}
    ]


def form_context(
    kind: EntryKind, form: EntryForm, *, title: Words, back: str, row: Entry | None, wanted: str = ""
) -> dict[str, Any]:
    """The page with the form; for a profile with its preview beside it."""
    context = {"kind": kind, "form": form, "title": title, "back": back, "row": row}
    if isinstance(form, ProfileForm):
        values = kind.beginning_values(form.initial.get("preset", ""))
        beginning = row if isinstance(row, CertificateProfile) else kind.model(**values)
        shown = form.as_typed() if form.is_bound else beginning
        context |= preview_context(shown, wanted)
    return context


def compare_context(kind: EntryKind, entry: Entry, other: Entry) -> dict[str, Any]:
    """Two versions of one code, the older one first."""
    older, newer = sorted((entry, other), key=lambda each: each.number)
    return {
        "kind": kind,
        "row": entry,
        "older": older,
        "newer": newer,
        "back": kind.url("", entry.pk),
        "differences": differences(older, newer),
    }


def preview_context(profile: CertificateProfile, wanted: str) -> dict[str, Any]:
    """Preview of a certificate of the profile, for the selected person or for a sample."""
    people = list(administration.persons_for_preview(wanted)[: SUGGESTIONS + 1]) if wanted.strip() else []
    person = people[0] if people else None
    preview = profiles.preview_for(profile, person)
    return {
        "preview": preview,
        "preview_pairs": preview_pairs(preview),
        "preview_person": person,
        "preview_others": people[1:],
        "preview_text": wanted,
        "remarks": remarks_by_field(preview),
    }


def preview_pairs(preview: Preview) -> list[Pair]:
    """The content of the certificate as lines."""
    content = preview.content
    if content is None:
        return []
    pairs = [Pair(name, value, mono=True) for name, value in content.subject]
    pairs += [Pair(kind, value, mono=True) for kind, value in content.subject_alt_names]
    if content.sid:
        pairs.append(Pair("SID", content.sid, mono=True))
    return pairs


def remarks_by_field(preview: Preview) -> dict[str, list[Any]]:
    """Remarks by form field; those about no field under the empty name."""
    found: dict[str, list[Any]] = {name: [] for name in (*content_fields(CertificateProfile), "")}
    for remark in preview.remarks:
        found[remark.part if remark.part in found else ""].append(remark)
    return found


def predecessor(kind: EntryKind, entry: Entry) -> Entry | None:
    """The version to compare with: the one in force, else the one before it."""
    rows = kind.model.objects.filter(code=entry.code).exclude(pk=entry.pk)
    rows = rows.select_related("terms") if kind.model is TokenType else rows
    active = rows.active().first() if entry.state == VersionState.DRAFT else None
    found: Entry | None = active or rows.filter(number__lt=entry.number).order_by("-number").first()
    return found


def differences(before: Entry | None, after: Entry) -> list[wording.Difference]:
    """In words; nothing where there is no version before."""
    if before is None:
        return []
    changes = comparison.changes(comparison.content_of(before), comparison.content_of(after))
    return wording.differences(changes, type(after))


def _possibilities(entry: Entry, others: Iterable[Entry], actor: Person) -> dict[str, Any]:
    four_eyes = settings.CATALOGUE_FOUR_EYES
    worked_on_it = entry.editors.filter(pk=actor.pk).exists()
    return {
        **waits_for(entry, own=four_eyes and worked_on_it and entry.state == VersionState.DRAFT),
        "may_edit": may_edit(actor),
        "four_eyes": four_eyes,
        "own_draft": worked_on_it,
        "may_activate": not (four_eyes and worked_on_it),
        "draft": next((each for each in others if each.state == VersionState.DRAFT), None),
        "in_force": next((each for each in others if each.state == VersionState.ACTIVE), None),
        "own_draft_reason": versions.OWN_DRAFT,
    }


def waits_for(draft: Drafted, *, own: bool) -> dict[str, Any]:
    """Names of the officers who may activate the draft; if there are none, the page warns of that."""
    if not own:
        return {"nobody_else": False}
    found = second_officers.named(draft.second_officers())
    nobody_else = not found["officers"]
    return {**found, "nobody_else": nobody_else, "alone": nobody_else and permission.lacks_a_second()}


def _content(entry: Entry) -> list[Pair]:
    said = comparison.content_of(entry)
    said.pop("position", None)
    named = {name: said.pop(name) for name in ("name", "description") if name in said}
    words = wording.content(named | said, type(entry))  # what it is called comes first
    return [Pair(each.label, cells.broken(each.after), mono=each.mono) for each in words]


def _pinned_by(entry: Entry) -> list[TokenType]:
    """Token types in force that pin this version of a profile, or an older one."""
    if not isinstance(entry, CertificateProfile):
        return []
    pins = Q(profiles__code=entry.code, profiles__number__lte=entry.number)
    return list(TokenType.objects.active().filter(pins).distinct())


def _line(entries: list[Any]) -> CatalogueLine:
    draft = next((each for each in entries if each.state == VersionState.DRAFT), None)
    active = next((each for each in entries if each.state == VersionState.ACTIVE), None)
    return CatalogueLine(active or entries[0], draft, len(entries))


def _place(entry: Any) -> tuple[int, str]:
    return getattr(entry, "position", 0), str(entry)


def _with_parts(kind: EntryKind, rows: Any) -> Any:
    if kind.model is TokenType:
        return rows.select_related("terms").prefetch_related("token_type_profiles__profile")
    return rows


def wanted_person(request: HttpRequest) -> str:
    """Person of the preview, as typed; at most 200 characters."""
    return (request.POST.get("preview_person") or request.GET.get("preview_person") or "")[:200]
