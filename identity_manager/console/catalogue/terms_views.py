"""ADMIN, Terms: documents begun and renamed, the next version written, previewed and published."""

import uuid
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.catalogue import terms
from identity_manager.console.access import administration, offices
from identity_manager.console.catalogue import terms_pages
from identity_manager.console.catalogue.terms_pages import (
    DocumentForm,
    PublishForm,
    RefuseDraftForm,
    SeenForm,
    TermsForm,
)
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import TermsDocument, TermsVersion
from identity_manager.transactions.refusals import Stale

reads_and_posts = require_http_methods(["GET", "HEAD", "POST"])
FOLDER = "identity_manager/catalogue/"


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List documents of terms. System Administrators and Auditors read it."""
    actor = offices.catalogue_reader(request)
    return render(request, f"{FOLDER}terms_documents.html", terms_pages.listing(actor))


@require_safe
def version(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One version of the terms, in all languages. System Administrators and Auditors read it."""
    offices.catalogue_reader(request)
    found = get_object_or_404(TermsVersion.objects.select_related("document"), pk=pk)
    return render(request, f"{FOLDER}terms_version.html", terms_pages.version_context(found))


@require_safe
def document(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One document of terms, with versions and draft. System Administrators and Auditors read it."""
    actor = offices.catalogue_reader(request)
    row = get_object_or_404(TermsDocument.objects.with_draft(), pk=pk)
    context = terms_pages.document_context(row, actor, asked=request.GET.get("history"))
    return render(request, f"{FOLDER}terms_document.html", context)


@reads_and_posts
def create(request: HttpRequest) -> HttpResponse:
    """Create a document of terms, as a System Administrator."""
    actor = administration.system_administrator(request)
    form = DocumentForm(refusals.post_data(request), is_new=True)
    if form.is_bound and form.is_valid():
        with refusals.show_refusal(form):
            row = terms.add_document(actor=actor, **refusals.content(form))
            messages.success(request, _("The document is there. Write its first version."))
            return redirect("console:terms-write", row.pk)
    return render(request, f"{FOLDER}terms_new.html", {"form": form}, status=refusals.status_of(form))


@reads_and_posts
def rename(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Change the document's name, as a System Administrator."""
    actor, row = administration.terms_document_for_system_administrator(request, pk)
    initial = {"name": row.name}
    form = DocumentForm(refusals.post_data(request), is_new=False, initial=initial)
    if form.is_bound and form.is_valid():
        with refusals.show_refusal(form):
            terms.rename_document(actor=actor, document_id=row.pk, **refusals.content(form))
            messages.success(request, _("The name is changed."))
            return redirect("console:terms-document", row.pk)
    context = {"form": form, "row": row}
    return render(request, f"{FOLDER}terms_new.html", context, status=refusals.status_of(form))


@reads_and_posts
def write(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Edit or preview the draft of the next version, as a System Administrator."""
    actor, row = administration.terms_document_for_system_administrator(request, pk)
    form = TermsForm(refusals.post_data(request), initial=terms_pages.draft_initial(row))
    if form.is_bound and "preview" not in request.POST and form.is_valid():
        with refusals.show_refusal(form):
            terms.save_draft(actor=actor, document_id=row.pk, texts=form.texts(), **form.said())
            messages.success(request, _("The draft is saved."))
            return redirect("console:terms-document", row.pk)
    return _write_page(request, row, form)


@require_POST
def ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask the other System Administrators to publish the draft (four eyes)."""
    actor, row = administration.terms_document_for_system_administrator(request, pk)
    act = Act(
        verb=partial(terms.ask_publication, actor=actor, document_id=row.pk),
        done=lambda _draft: _("It waits in OPEN TASKS of the other System Administrators."),
        back=reverse("console:terms-document", args=[row.pk]),
        page=partial(_moved_on, request, row),
    )
    return respond(request, SeenForm(request.POST), act)


@reads_and_posts
def publish(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Publish the draft, as a second System Administrator; persons accept this version from now on."""
    actor, row = administration.terms_document_for_system_administrator(request, pk)
    act = Act(
        verb=partial(
            terms.publish_draft, actor=actor, document_id=row.pk, four_eyes=settings.CATALOGUE_FOUR_EYES
        ),
        done=lambda made: _("Version %(number)d is published.") % {"number": made.number},
        back=reverse("console:terms-document", args=[row.pk]),
        page=partial(_confirm, request, row, "terms_publish.html"),
    )
    return respond(request, _decision_form(request, row, PublishForm), act)


@reads_and_posts
def refuse(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Refuse the publication with a reason, as a second System Administrator."""
    actor, row = administration.terms_document_for_system_administrator(request, pk)
    act = Act(
        verb=partial(terms.refuse_publication, actor=actor, document_id=row.pk),
        done=lambda _draft: _("Refused. Who wrote it sees why."),
        back=reverse("console:terms-document", args=[row.pk]),
        page=partial(_confirm, request, row, "terms_refuse.html"),
    )
    return respond(request, _decision_form(request, row, RefuseDraftForm), act)


@reads_and_posts
def discard(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Discard the draft, after a confirmation page, as a System Administrator."""
    actor, row = administration.terms_document_for_system_administrator(request, pk)
    act = Act(
        verb=partial(terms.discard_draft, actor=actor, document_id=row.pk),
        done=lambda _draft: _("The draft is discarded."),
        back=reverse("console:terms-document", args=[row.pk]),
        page=partial(_confirm, request, row, "terms_discard.html"),
    )
    return respond(request, _decision_form(request, row, SeenForm), act)


def _decision_form(request: HttpRequest, row: TermsDocument, kind: type[SeenForm]) -> SeenForm:
    return kind(refusals.post_data(request), initial=terms_pages.draft_initial(row))


def _write_page(request: HttpRequest, row: TermsDocument, form: TermsForm) -> HttpResponse:
    only_shown = "preview" in request.POST
    context = {"row": row, "form": form, "only_shown": only_shown}
    if only_shown:
        context["typed"] = terms_pages.typed_texts(form)
    if isinstance(form.refused, Stale):
        context |= terms_pages.meanwhile(TermsDocument.objects.with_draft().get(pk=row.pk), form)
    status = 200 if only_shown else refusals.status_of(form)
    return render(request, f"{FOLDER}terms_form.html", context, status=status)


def _confirm(request: HttpRequest, row: TermsDocument, template: str, form: VerbForm) -> HttpResponse:
    """The page before it is done; without a draft, or where it has moved on, the document's own page."""
    gone = terms_pages.moved_on(row, refusing=template == "terms_refuse.html")
    if gone is not None and not form.is_bound:
        messages.info(request, str(gone))
        return redirect("console:terms-document", row.pk)
    if refusals.concerns_the_page(form) or terms_pages.draft_of(row) is None:
        return _moved_on(request, row, form)
    context = terms_pages.publish_context(row, offices.catalogue_reader(request), form=form)
    return render(request, f"{FOLDER}{template}", context, status=refusals.status_of(form))


def _moved_on(request: HttpRequest, row: TermsDocument, form: VerbForm) -> HttpResponse:
    context = terms_pages.document_context(row, offices.catalogue_reader(request), form=form)
    return render(request, f"{FOLDER}terms_document.html", context, status=refusals.status_of(form))
