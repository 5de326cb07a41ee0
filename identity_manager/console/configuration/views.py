"""ADMIN, Configuration files: exported, compared with what is in force, imported as drafts."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.account.sign_in import fresh_second_factor_required
from identity_manager.audit import exports, keys
from identity_manager.configuration import importing, signature, writing
from identity_manager.console.access import administration, offices
from identity_manager.console.configuration import page
from identity_manager.console.configuration.forms import FileForm, ImportForm, sent_back
from identity_manager.console.forms import refusals
from identity_manager.transactions.refusals import Refused

TEMPLATES = "identity_manager/configuration"
reads_and_posts = require_http_methods(["GET", "HEAD", "POST"])


@reads_and_posts
def compare(request: HttpRequest) -> HttpResponse:
    """Compare a configuration file with what is in force; nothing changes by looking."""
    actor = offices.catalogue_reader(request)
    form = FileForm(refusals.post_data(request), request.FILES or None)
    if form.is_bound:
        actor = administration.system_administrator(request)
    if form.is_valid():
        text = form.cleaned_data["file"]
        with refusals.show_refusal(form):
            found = importing.compare(actor=actor, text=text)
            context = page.compared(found, sent_back(text, found.seen))
            return render(request, f"{TEMPLATES}/comparison.html", context)
    return render(
        request, f"{TEMPLATES}/start.html", page.start(actor, form), status=refusals.status_of(form)
    )


@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """The configuration as a file; signed, where this process holds the key of the audit log."""
    actor = offices.catalogue_reader(request)
    text = writing.exported()
    if keys.public_keys():
        text = signature.signed(text)
    exports.record(actor=actor, what="configuration", rows=text.count("\n[["), filters={})
    headers = {"Content-Disposition": 'attachment; filename="configuration.toml"'}
    return HttpResponse(text, content_type="application/toml; charset=utf-8", headers=headers)


@reads_and_posts
def make_drafts(request: HttpRequest) -> HttpResponseBase:
    """Make the drafts of the comparison that the officer has seen."""
    administration.system_administrator(request)  # before re-authentication
    return _make_drafts(request)


@never_cache
@fresh_second_factor_required
def _make_drafts(request: HttpRequest) -> HttpResponse:
    form = ImportForm(refusals.post_data(request))
    if not form.is_valid():
        return redirect("console:configuration")
    actor, said = administration.system_administrator(request), form.cleaned_data
    with refusals.show_refusal(form):
        made = importing.import_file(actor=actor, text=said["text"], seen=said["seen"])
        return render(request, f"{TEMPLATES}/comparison.html", page.compared(made, form, is_made=True))
    return _compared_anew(request, form)


def _compared_anew(request: HttpRequest, refused: ImportForm) -> HttpResponse:
    """The comparison as it is now, with the reason why nothing was imported."""
    actor, text = administration.system_administrator(request), refused.cleaned_data["text"]
    try:
        found = importing.compare(actor=actor, text=text)
    except Refused as error:  # not what this page has sent
        messages.error(request, str(error))
        return redirect("console:configuration")
    context = {**page.compared(found, sent_back(text, found.seen)), "refused": refused.refused}
    return render(request, f"{TEMPLATES}/comparison.html", context, status=refusals.status_of(refused))
