"""A person reads and accepts a later version of terms, for tokens that they hold already."""

import uuid

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.models import TermsHold, TermsNotice, TermsText
from identity_manager.models.requests.terms_notice import tokens_under
from identity_manager.workflow.terms import accept_again
from selfservice import access
from selfservice.open_tasks.page import type_names
from selfservice.terms import views as terms
from selfservice.terms.forms import TermsAgainForm


@require_http_methods(["GET", "HEAD", "POST"])
def terms_again(request: HttpRequest, notice_id: uuid.UUID) -> HttpResponse:
    """Show the version in force; accept it."""
    notice = access.own_terms_notice(request, notice_id)
    form = TermsAgainForm(request.POST if request.method == "POST" else None)
    accepted = form.perform(
        lambda: accept_again.accept(
            actor=notice.person, notice_id=notice.pk, text_id=form.cleaned_data["text"].pk
        )
    )
    if accepted:
        messages.success(request, _("You have accepted the Terms and Conditions."))
        return redirect("selfservice:open-tasks")
    if form.is_bound:
        form.clear_the_box()
    return _page(request, notice, form)


@require_safe
def terms_again_text(request: HttpRequest, notice_id: uuid.UUID, text_id: uuid.UUID) -> HttpResponse:
    """A text of the notice's document as a file."""
    notice = access.own_terms_notice(request, notice_id)
    text = get_object_or_404(TermsText, pk=text_id, version__document=notice.document_id)
    return terms.text_file(text)


def _page(request: HttpRequest, notice: TermsNotice, form: TermsAgainForm) -> HttpResponse:
    version = notice.document.current_version()
    prefetch_related_objects([version], "texts")
    tokens = tokens_under(notice.document_id).filter(person=notice.person).select_related("token_type")
    held = TermsHold.objects.in_effect(notice.person_id, [notice.document_id]).values("token")
    context = {
        "tab": "open_tasks",
        "form": form,
        "notice": notice,
        "name": notice.document,
        "not_asked": accept_again.NOT_ASKED,
        "waits": TermsNotice.objects.unanswered().filter(pk=notice.pk).exists(),
        "types": type_names(tokens.exclude(pk__in=held)) or type_names(tokens),
        "on_hold": type_names(tokens.filter(pk__in=held)),
        "document": terms.document_in(version, request.GET.get("language")),
    }
    return render(request, "selfservice/terms/terms_again.html", context, status=form.status)
