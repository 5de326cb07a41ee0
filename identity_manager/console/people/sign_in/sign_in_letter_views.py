"""Views of sign-in letters (PDF) for a selection of persons from SEARCH."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.account.sign_in import recent_sign_in_required
from identity_manager.console.access import persons
from identity_manager.console.forms import refusals
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.sign_in import sign_in_letters as letters
from identity_manager.console.search import selection
from identity_manager.models import Person
from identity_manager.transactions.refusals import NotPossible, Reason, Refused
from identity_manager.workflow.people import sign_in_letters
from identity_manager.workflow.people.sign_in_letters import Batch

SELECTION, CHOSEN_AT = "letters_for", "letters_chosen_at"  # in the session: ids of persons, and when


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Store the selection of SEARCH in the session and go to the page of the letters."""
    actor = persons.registration_officer(request)
    try:
        chosen = selection.chosen(actor, request.POST, limit=sign_in_letters.MOST)
    except Refused as refused:
        return selection.refused_page(request, actor, refused)
    selection.tell_of_missing(request, chosen)
    return print_for(request, chosen.rows.values_list("pk", flat=True))


def print_for(request: HttpRequest, ids: Iterable[uuid.UUID]) -> HttpResponse:
    """Go to the page that prints the letters of these persons."""
    request.session[SELECTION] = [str(pk) for pk in ids]
    request.session[CHOSEN_AT] = timezone.now().isoformat()
    return redirect("console:sign-in-letters")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@recent_sign_in_required
def letters_page(request: HttpRequest) -> HttpResponse:
    """Show who gets a letter and who does not. The POST makes the codes and answers with the PDF."""
    actor = persons.registration_officer(request)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            ids = [person.pk for person in _printable(request)]
            batch = sign_in_letters.make(actor=actor, person_ids=ids, chosen_at=_chosen_at(request))
            del request.session[SELECTION]
            return _answer(request, batch, actor)
    return _page(request, form)


def _answer(request: HttpRequest, batch: Batch, actor: Person) -> HttpResponse:
    """The PDF; without a letter OPEN TASKS, where codes wait for a second officer."""
    if batch.letters:
        return _file(letters.as_pdf(batch, actor=actor))
    if not batch.waiting:
        left = [(person, NotPossible(reason)) for person, reason in batch.refused]
        refusals.show_several_refusals(request, left, more=_more_refused)
        return redirect("console:approvals")
    messages.success(request, _("The codes are asked for. Another Registration Officer confirms them."))
    return redirect("console:approvals")


def _more_refused(number: int) -> str:
    text = ngettext("%(number)d more gets no letter.", "%(number)d more get no letter.", number)
    return text % {"number": number}


def _file(content: bytes) -> HttpResponse:
    headers = {"Content-Disposition": 'attachment; filename="sign-in-letters.pdf"'}
    response = HttpResponse(content, content_type="application/pdf", headers=headers)
    response["Cache-Control"] = "no-store"
    return response


def _page(request: HttpRequest, form: VerbForm) -> HttpResponse:
    actor = persons.registration_officer(request)
    printable = _printable(request)
    preview = sign_in_letters.preview(actor=actor, persons=printable)
    shown: list[tuple[Person, Reason]] = [
        (person, letters.reason(person)) for person in _chosen(request) if person not in printable
    ]
    context: dict[str, Any] = {
        "tab": "search",
        "form": form,
        "letters": preview.letters,
        "waiting": preview.waiting,
        "refused": [*preview.refused, *shown],
    }
    return render(
        request,
        "identity_manager/people/sign_in_codes/letters.html",
        context,
        status=refusals.status_of(form),
    )


def _printable(request: HttpRequest) -> list[Person]:
    return [person for person in _chosen(request) if not letters.lacking(person.display_name)]


def _chosen_at(request: HttpRequest) -> datetime:
    chosen_at = request.session.get(CHOSEN_AT)  # None: an earlier release stored the selection
    return datetime.fromisoformat(chosen_at) if chosen_at else timezone.now()


def _chosen(request: HttpRequest) -> list[Person]:
    actor = persons.registration_officer(request)
    ids = [uuid.UUID(value) for value in request.session.get(SELECTION, [])]
    return list(persons.visible_persons(actor).filter(pk__in=ids).order_by("search_text__by_name", "pk"))
