"""ADMIN, Looks: the next version written, shown in both modes, activated by a second officer."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.catalogue import looks
from identity_manager.console.access import administration, offices
from identity_manager.console.catalogue import looks_pages
from identity_manager.console.catalogue.looks_pages import (
    PAGE,
    LooksForm,
    OursForm,
    RefuseLooksForm,
    SeenForm,
)
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import Looks, Person
from identity_manager.models.words import Words

reads_and_posts = require_http_methods(["GET", "HEAD", "POST"])
FOLDER = "identity_manager/catalogue/"


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The company's looks (logo, colours) and their versions. System Administrators and Auditors read it."""
    actor = offices.catalogue_reader(request)
    context = looks_pages.context(actor, asked=request.GET.get("history"))
    return render(request, f"{FOLDER}looks.html", context)


@require_safe
def version(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Preview of one version of the looks. System Administrators and Auditors read it."""
    offices.catalogue_reader(request)
    row = get_object_or_404(Looks.objects.without_logo(), pk=pk)
    return render(request, f"{FOLDER}looks_version.html", looks_pages.preview(row))


@require_safe
def logo(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The logo of any version, for officers; a draft's is not public."""
    offices.catalogue_reader(request)
    row = get_object_or_404(Looks, pk=pk)
    if row.logo is None:
        raise Http404
    return HttpResponse(row.logo, content_type="image/png")


@reads_and_posts
def write(request: HttpRequest) -> HttpResponse:
    """Edit the draft of the looks, as a System Administrator."""
    actor = administration.system_administrator(request)
    form = LooksForm(refusals.post_data(request), request.FILES or None, initial=looks_pages.beginning())
    if form.is_bound and form.is_valid():
        with refusals.show_refusal(form):
            row = looks.save_draft(
                actor=actor,
                revision=form.cleaned_data["revision"],
                values=form.values(),
                picture=form.chosen_picture(),
            )
            messages.success(request, " ".join(map(str, [_("The draft is saved."), *_remarks(row)])))
            return redirect(PAGE)
    context = {"form": form, "row": looks_pages.draft() or looks_pages.active()}
    return render(request, f"{FOLDER}looks_form.html", context, status=refusals.status_of(form))


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask the other System Administrators to activate the draft (four eyes)."""
    actor = administration.system_administrator(request)
    done = _("It waits in OPEN TASKS of the other System Administrators.")
    act = Act(
        verb=partial(looks.ask_activation, actor=actor),
        done=lambda _row: done,
        back=reverse(PAGE),
        page=partial(_moved_on, request),
    )
    return respond(request, SeenForm(request.POST), act)


@reads_and_posts
def activate(request: HttpRequest) -> HttpResponse:
    """Activate the draft, as a second System Administrator."""
    actor = administration.system_administrator(request)
    verb = partial(looks.activate, four_eyes=settings.CATALOGUE_FOUR_EYES)
    done = _("From now on everybody sees them.")
    return _decide(request, SeenForm, _act(request, actor, verb, done, "activate"))


@reads_and_posts
def refuse(request: HttpRequest) -> HttpResponse:
    """Refuse the activation with a reason, as a second System Administrator."""
    actor = administration.system_administrator(request)
    done = _("Refused. Who made the version sees why.")
    return _decide(request, RefuseLooksForm, _act(request, actor, looks.refuse_activation, done, "refuse"))


@reads_and_posts
def discard(request: HttpRequest) -> HttpResponse:
    """Discard the draft, after a confirmation page, as a System Administrator."""
    actor = administration.system_administrator(request)
    act = _act(request, actor, looks.discard, _("The draft is discarded."), "discard")
    return _decide(request, SeenForm, act)


@reads_and_posts
def ours(request: HttpRequest) -> HttpResponse:
    """Return to the product's own looks, after a confirmation page, as a System Administrator."""
    actor = administration.system_administrator(request)
    act = _act(request, actor, looks.back_to_ours, _("Our own looks are back."), "ours")
    if looks_pages.active() is None and request.method != "POST":
        messages.info(request, str(looks.OURS_ALREADY))
        return redirect(PAGE)
    return respond(request, OursForm(refusals.post_data(request)), act)


def _decide(request: HttpRequest, kind: type[SeenForm], act: Act) -> HttpResponse:
    """Run a verb on the draft; without one, the page reports that."""
    draft = looks_pages.draft()
    if draft is None and request.method != "POST":
        messages.info(request, _("There is no draft of the looks."))
        return redirect(PAGE)
    initial = {"revision": draft.version} if draft else {}
    return respond(request, kind(refusals.post_data(request), initial=initial), act)


def _act(request: HttpRequest, actor: Person, verb: Callable[..., Any], done: Words, what: str) -> Act:
    return Act(
        verb=partial(verb, actor=actor),
        done=lambda _row: done,
        back=reverse(PAGE),
        page=partial(_moved_on, request),
        ask=lambda: looks_pages.question(what, actor, reverse(PAGE)),
    )


def _moved_on(request: HttpRequest, form: VerbForm) -> HttpResponse:
    """The page in its present state, with the error."""
    context = looks_pages.context(offices.catalogue_reader(request), form=form)
    return render(request, f"{FOLDER}looks.html", context, status=refusals.status_of(form))


def _remarks(row: Looks) -> list[Words]:
    return looks_pages.colour_lines(row)
