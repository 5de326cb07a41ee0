"""The sign-in letters of a batch order, printed some at a time on the page of sign-in letters."""

import uuid

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from identity_manager.console.access import batches, persons
from identity_manager.console.people.sign_in import sign_in_letter_views as letter_pages
from identity_manager.models import (
    BatchKind,
    BatchLine,
    BatchOrder,
    BatchSource,
    LineOutcome,
    Person,
    SignInCode,
)
from identity_manager.models.identifiers import new_id
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.batch import placing
from identity_manager.workflow.batch.placing import BatchOrderInput
from identity_manager.workflow.people import needed_codes, sign_in_code_policy, sign_in_letters

AT_ONCE = sign_in_letters.MOST


@require_POST
def for_invited(request: HttpRequest) -> HttpResponse:
    """Place an order of sign-in letters for all invited persons who need a code; its dry run begins."""
    actor = persons.registration_officer(request)
    rows = needed_codes.invited_without_sign_in(actor, timezone.now())
    ids = map(str, rows.values_list("pk", flat=True).iterator())
    wanted = BatchOrderInput(BatchSource.SELECTION, ids, kind=BatchKind.LETTERS)
    try:
        order = placing.place_order(actor=actor, order_id=new_id(), wanted=wanted)
    except Refused as refused:
        messages.warning(request, str(refused))
        return redirect("console:approvals")
    return redirect("console:batch-order", order.pk)


@require_POST
def letters(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take the next persons whose code can be made along to the page that prints their letters."""
    order, actor = batches.batch_for_officer(request, pk), persons.registration_officer(request)
    ids = printable(actor, order).values_list("person_id", flat=True)[:AT_ONCE]
    return letter_pages.print_for(request, ids)


def printable(actor: Person, order: BatchOrder) -> QuerySet[SignInCode]:
    """Codes of the order that the officer asked for and can make now."""
    lines = BatchLine.objects.filter(order=order, outcome=LineOutcome.DONE)
    return sign_in_code_policy.makeable_by(actor).filter(person__in=lines.values("person"))
