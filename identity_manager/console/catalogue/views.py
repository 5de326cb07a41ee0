"""ADMIN, token types and certificate profiles: versions listed, begun, edited, compared, put in force."""

import uuid
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from identity_manager.catalogue import versions
from identity_manager.console.access import administration, offices
from identity_manager.console.catalogue import edit_conflicts
from identity_manager.console.catalogue import pages as catalogue_pages
from identity_manager.console.catalogue.forms import (
    EntryForm,
    ProfileForm,
    RefuseForm,
    RetireForm,
    RevisionForm,
)
from identity_manager.console.catalogue.kinds import Entry, EntryKind
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import VersionState
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import Stale

NOT_FOUND = 404
reads_and_posts = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
def listing(request: HttpRequest, kind: EntryKind) -> HttpResponse:
    """List token types or certificate profiles. System Administrators and Auditors read it."""
    actor = offices.catalogue_reader(request)
    return render(
        request, f"identity_manager/catalogue/{kind.slug}s.html", catalogue_pages.listing(kind, actor)
    )


@require_safe
def show(request: HttpRequest, pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """One version of the type or profile. System Administrators and Auditors read it."""
    actor, entry = administration.catalogue_entry_for_reader(request, kind.model, pk)
    if versions.is_gone(entry):
        return _gone(request, kind)
    context = catalogue_pages.entry_context(kind, entry, actor, asked=request.GET.get("history"))
    return render(request, "identity_manager/catalogue/entry.html", context)


@require_GET
def compare(request: HttpRequest, pk: uuid.UUID, other_pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """Compare two versions of the type or profile. System Administrators and Auditors read it."""
    _actor, entry = administration.catalogue_entry_for_reader(request, kind.model, pk)
    if versions.is_gone(entry):
        return _gone(request, kind)
    other = get_object_or_404(kind.model, pk=other_pk, code=entry.code)
    context = catalogue_pages.compare_context(kind, entry, other)
    return render(request, "identity_manager/catalogue/compare.html", context)


@reads_and_posts
def create(request: HttpRequest, kind: EntryKind) -> HttpResponse:
    """Create a type or profile as a draft, also from a preset, as a System Administrator."""
    actor = administration.system_administrator(request)
    beginning = kind.beginning(request.GET.get("preset", ""))
    form = kind.form(refusals.post_data(request), is_new=True, initial=beginning)
    if _is_to_be_saved(request, form):
        with refusals.show_refusal(form):
            entry = kind.add(actor=actor, code=form.cleaned_data["code"], form=form, is_new=True)
            return _saved(request, kind, entry)
    return _form_page(request, kind, form, title=kind.new_title, back=kind.listing_url)


@reads_and_posts
def new_version(request: HttpRequest, pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """Create a draft of the next version, as a System Administrator. At most one draft exists."""
    actor, entry = administration.catalogue_entry_for_system_administrator(request, kind.model, pk)
    if versions.is_gone(entry):
        return _keep_input_of_discarded(request, kind, entry)
    draft = kind.model.objects.drafts().filter(code=entry.code).first()
    if draft is not None and request.method != "POST":
        messages.info(request, str(versions.DRAFT_EXISTS))
        return redirect(kind.url("", draft.pk))
    form = kind.form(refusals.post_data(request), is_new=False, initial=kind.beginning_of_next(entry))
    if _is_to_be_saved(request, form):
        with refusals.show_refusal(form):
            base = form.made_from(entry.pk)
            return _saved(request, kind, kind.add(actor=actor, code=entry.code, form=form, base=base))
    title = _("New version of %(name)s") % {"name": entry.name}
    return _form_page(request, kind, form, title=title, back=kind.url("", entry.pk), row=entry)


@reads_and_posts
def edit(request: HttpRequest, pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """Edit a draft, as a System Administrator. A concurrent change is shown and the input kept."""
    actor, entry = administration.catalogue_entry_for_system_administrator(request, kind.model, pk)
    if versions.is_gone(entry):
        return _keep_input_of_discarded(request, kind, entry)
    if entry.state != VersionState.DRAFT and request.method != "POST":
        messages.info(request, str(versions.NOT_A_DRAFT))
        return redirect(kind.url("", entry.pk))
    form = kind.form(refusals.post_data(request), is_new=False, initial=kind.form.initial_of(entry))
    if _is_to_be_saved(request, form):
        with refusals.show_refusal(form):
            return _saved(request, kind, kind.change(actor=actor, entry_id=entry.pk, form=form))
    title = _("Edit %(name)s, version %(number)d") % {"name": entry.name, "number": entry.number}
    return _form_page(request, kind, form, title=title, back=kind.url("", entry.pk), row=entry)


@reads_and_posts
def activate(request: HttpRequest, pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """Activate a draft, as a second System Administrator; the version before is superseded."""
    actor, entry = administration.catalogue_entry_for_system_administrator(request, kind.model, pk)
    act = Act(
        verb=partial(kind.activate, actor=actor, entry_id=entry.pk, four_eyes=settings.CATALOGUE_FOUR_EYES),
        done=lambda _entry: _("Version %(number)d is in force.") % {"number": entry.number},
        back=kind.url("", entry.pk),
        page=partial(_confirm, request, kind, entry, "activate"),
    )
    return respond(request, _revision_form(request, entry), act)


@require_POST
def ask(request: HttpRequest, pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """Ask the other System Administrators to activate the draft (four eyes)."""
    actor, entry = administration.catalogue_entry_for_system_administrator(request, kind.model, pk)
    act = Act(
        verb=partial(kind.ask, actor=actor, entry_id=entry.pk),
        done=lambda _entry: _("It waits in OPEN TASKS of the other System Administrators."),
        back=kind.url("", entry.pk),
        page=partial(_moved_on, request, kind, entry.pk),
    )
    return respond(request, RevisionForm(request.POST), act)


@reads_and_posts
def refuse(request: HttpRequest, pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """Refuse the activation with a reason, as a second System Administrator."""
    actor, entry = administration.catalogue_entry_for_system_administrator(request, kind.model, pk)
    act = Act(
        verb=partial(versions.refuse_activation, actor=actor, kind=kind.model, entry_id=entry.pk),
        done=lambda _entry: _("Refused. Who made the version sees why."),
        back=kind.url("", entry.pk),
        page=partial(_confirm, request, kind, entry, "refuse"),
    )
    form = RefuseForm(refusals.post_data(request), initial={"revision": entry.version})
    return respond(request, form, act)


@reads_and_posts
def discard(request: HttpRequest, pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """Discard the draft, after a confirmation page, as a System Administrator."""
    actor, entry = administration.catalogue_entry_for_system_administrator(request, kind.model, pk)
    act = Act(
        verb=partial(versions.discard, actor=actor, kind=kind.model, entry_id=entry.pk),
        done=lambda _entry: _("The draft is discarded."),
        back=kind.listing_url,
        page=partial(_confirm, request, kind, entry, "discard"),
    )
    return respond(request, _revision_form(request, entry), act)


@reads_and_posts
def retire(request: HttpRequest, pk: uuid.UUID, kind: EntryKind) -> HttpResponse:
    """Retire the active version with a reason, as a System Administrator: no new requests."""
    actor, entry = administration.catalogue_entry_for_system_administrator(request, kind.model, pk)
    act = Act(
        verb=partial(versions.retire, actor=actor, kind=kind.model, entry_id=entry.pk),
        done=lambda _entry: _("It is offered no more."),
        back=kind.url("", entry.pk),
        page=partial(_confirm, request, kind, entry, "retire"),
    )
    return respond(request, RetireForm(refusals.post_data(request)), act)


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """The preview as a fragment, requested while an officer types; nothing is saved."""
    administration.system_administrator(request)
    form = ProfileForm(request.POST, is_new=False)
    wanted = catalogue_pages.wanted_person(request)
    context = catalogue_pages.preview_context(form.as_typed(), wanted)
    return render(request, "identity_manager/catalogue/preview_parts.html", {"form": form, **context})


def _is_to_be_saved(request: HttpRequest, form: EntryForm) -> bool:
    """Sent, in order, and not only to be previewed."""
    return form.is_bound and "preview" not in request.POST and form.is_valid()


def _saved(request: HttpRequest, kind: EntryKind, entry: Entry) -> HttpResponse:
    messages.success(request, _("The draft is saved."))
    return redirect(kind.url("", entry.pk))


def _form_page(
    request: HttpRequest,
    kind: EntryKind,
    form: EntryForm,
    *,
    title: Words,
    back: str,
    row: Entry | None = None,
) -> HttpResponse:
    context = catalogue_pages.form_context(
        kind, form, title=title, back=back, row=row, wanted=catalogue_pages.wanted_person(request)
    )
    only_shown = "preview" in request.POST
    if isinstance(form.refused, Stale) and row is not None:
        context |= edit_conflicts.context(kind, row, form, form.refused.reason)
    context["only_shown"] = only_shown
    status = 200 if only_shown else refusals.status_of(form)
    status = NOT_FOUND if row is not None and versions.is_gone(row) else status
    return render(request, f"identity_manager/catalogue/{kind.slug}_form.html", context, status=status)


def _revision_form(request: HttpRequest, entry: Entry) -> RevisionForm:
    return RevisionForm(refusals.post_data(request), initial={"revision": entry.version})


def _confirm(request: HttpRequest, kind: EntryKind, entry: Entry, what: str, form: VerbForm) -> HttpResponse:
    """The confirmation page; if the entry's state has changed, the entry's page with the refusal."""
    if versions.is_gone(entry):
        return _gone(request, kind)
    if refusals.concerns_the_page(form):
        return _moved_on(request, kind, entry.pk, form)
    actor = offices.catalogue_reader(request)
    context = catalogue_pages.confirm_context(kind, entry, actor, form=form, what=what)
    status = refusals.status_of(form)
    return render(request, "identity_manager/catalogue/entry_confirm.html", context, status=status)


def _gone(request: HttpRequest, kind: EntryKind) -> HttpResponse:
    """404 for a discarded draft: the list of entries, with the reason."""
    form = RevisionForm({})
    form.add_error(None, str(versions.GONE))
    context = catalogue_pages.listing(kind, offices.catalogue_reader(request), form=form)
    return render(request, f"identity_manager/catalogue/{kind.slug}s.html", context, status=NOT_FOUND)


def _keep_input_of_discarded(request: HttpRequest, kind: EntryKind, entry: Entry) -> HttpResponse:
    """Keep the input of an officer whose draft was discarded meanwhile, to be saved as a new one."""
    if request.method != "POST":
        return _gone(request, kind)
    form = kind.form(request.POST, is_new=False)
    form.is_valid()
    with refusals.show_refusal(form):
        raise Stale(versions.GONE)
    title = _("Edit %(name)s, version %(number)d") % {"name": entry.code, "number": entry.number}
    return _form_page(request, kind, form, title=title, back=kind.listing_url, row=entry)


def _moved_on(request: HttpRequest, kind: EntryKind, pk: uuid.UUID, form: VerbForm) -> HttpResponse:
    """Page of the entry as it is now, with the refusal; the list of entries, where it is gone."""
    entry = kind.model.objects.filter(pk=pk).first()
    if entry is None:
        return _gone(request, kind)
    context = catalogue_pages.entry_context(kind, entry, offices.catalogue_reader(request), form=form)
    return render(request, "identity_manager/catalogue/entry.html", context, status=refusals.status_of(form))
