"""The sign-in letters of a batch order, printed some at a time on the page of sign-in letters."""

import uuid

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from identity_manager.console.access import batches, persons
from identity_manager.console.people import sign_in_letter_views as letter_pages
from identity_manager.models import BatchLine, BatchOrder, LineOutcome, Person, SignInCode
from identity_manager.workflow.people import sign_in_code_policy, sign_in_letters

AT_ONCE = sign_in_letters.MOST


@require_POST
def letters(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take the next persons whose code can be made along to the page that prints their letters."""
    order, actor = batches.batch_for_officer(request, pk), persons.registration_officer(request)
    ids = printable(actor, order).values_list("person_id", flat=True)[:AT_ONCE]
    request.session[letter_pages.SELECTION] = [str(each) for each in ids]
    return redirect("console:sign-in-letters")


def printable(actor: Person, order: BatchOrder) -> QuerySet[SignInCode]:
    """Codes of the order that the officer asked for and can make now."""
    lines = BatchLine.objects.filter(order=order, outcome=LineOutcome.DONE)
    return sign_in_code_policy.makeable_by(actor).filter(person__in=lines.values("person"))
