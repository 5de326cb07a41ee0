"""Bulk decisions: an approver decides on several requests, each bound to the snapshot shown."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import lazystr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from identity_manager.console.access import requests as access_requests
from identity_manager.console.approvals import certificate_content
from identity_manager.console.forms import refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.open_tasks import sources as open_tasks
from identity_manager.console.search.selection import NOTHING_CHOSEN
from identity_manager.models import BatchLine, BatchOrder, Person, TokenRequest
from identity_manager.workflow import step2_approve
from identity_manager.workflow.step2_approve import NotDecided

AT_ONCE = 100  # an approver reads each of them
SHOWN = (
    *("state", "reference", "round", "created_at", "snapshot_hash", "delivery_address"),
    *("person__state", "person__display_name", "person__personnel_number", "person__department"),
    *("requested_by__state", "requested_by__display_name"),
)
_SEEN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{64}")


class SeenField(forms.MultipleChoiceField):
    """Selected requests, each with the snapshot hash of its row: `pk:hash`."""

    widget = forms.MultipleHiddenInput

    def valid_value(self, value: str) -> bool:
        return _SEEN.fullmatch(value) is not None

    def clean(self, value: Any) -> dict[uuid.UUID, str]:
        chosen = super().clean(value)[:AT_ONCE]
        pairs = (each.split(":") for each in chosen)
        return {uuid.UUID(pk): snapshot_hash for pk, snapshot_hash in pairs}


class SeveralForm(VerbForm):
    """Bulk approval."""

    requests = SeenField(
        error_messages={
            "required": lazystr(NOTHING_CHOSEN),
            "invalid_choice": lazystr(step2_approve.NOT_WAITING),
        }
    )


class SeveralRejectionsForm(SeveralForm):
    """Bulk rejection with a reason."""

    reason = ReasonField(
        help_text=gettext_lazy("Who asked reads this."), required=lazystr(step2_approve.NO_REASON)
    )


def context(
    actor: Person, asked: Mapping[str, str], *, form: VerbForm, order_id: uuid.UUID | None
) -> dict[str, Any]:
    """Requests that wait for this approver, oldest first; of one batch order, or all.

    A batch order without any readable request is ignored: everything is shown.
    """
    order = _order(actor, order_id) if order_id else None
    waiting = open_tasks.awaiting_decision(actor, timezone.now()).only(*SHOWN)
    if order is not None:
        waiting = waiting.filter(pk__in=BatchLine.objects.filter(order=order).values("request"))
    rows = list(waiting.prefetch_related(None)[: AT_ONCE + 1])
    signed = zip(rows[:AT_ONCE], certificate_content.of_requests(rows[:AT_ONCE]), strict=True)
    return {
        "tab": "open_tasks",
        "form": form,
        "order": order,
        "rows": [(row, f"{row.pk}:{row.snapshot_hash}", content) for row, content in signed],
        "has_more": len(rows) > AT_ONCE,
        "ticked": "ticked" in asked,
    }


def _order(actor: Person, order_id: uuid.UUID) -> BatchOrder | None:
    lines = BatchLine.objects.filter(order=order_id, request__isnull=False)
    if not access_requests.visible_requests(actor).filter(pk__in=lines.values("request")).exists():
        return None
    return BatchOrder.objects.listed().filter(pk=order_id).first()


def order_said_by(asked: Mapping[str, str]) -> uuid.UUID | None:
    """The batch order whose page the form was on."""
    try:
        return uuid.UUID(asked.get("order", ""))
    except ValueError:
        return None


def address(order_id: uuid.UUID | None) -> str:
    """URL of the page."""
    if order_id is None:
        return reverse("console:decisions")
    return reverse("console:decisions-of-order", args=[order_id])


def readable(actor: Person, form: VerbForm) -> dict[uuid.UUID, str]:
    """The selected requests that this officer may read; others are not even reported as refused.

    If there are none, the form reports that they do not wait any more.
    """
    seen = form.cleaned_data["requests"]
    rows = access_requests.visible_requests(actor).filter(pk__in=seen)
    found = {pk: seen[pk] for pk in rows.order_by("created_at", "pk").values_list("pk", flat=True)}
    if not found:
        form.add_error("requests", str(step2_approve.NOT_WAITING))
    return found


def tell(request: HttpRequest, form: VerbForm, seen: Mapping[uuid.UUID, str], left: list[NotDecided]) -> None:
    """Report undecided ones: the first by name, the rest by number."""
    rows = TokenRequest.objects.select_related("person").in_bulk([each.request_id for each in left])
    refusals.show_several_refusals(
        request,
        [(rows[each.request_id].person, each.refused) for each in left],
        more=_more_not_decided,
        unnamed=len(form.cleaned_data["requests"]) - len(seen),
    )


def _more_not_decided(number: int) -> str:
    words = ngettext("%(number)d more is not decided.", "%(number)d more are not decided.", number)
    return words % {"number": number}


def tell_approved(request: HttpRequest, number: int) -> None:
    """How many the officer has approved, if any."""
    words = ngettext("You approved %(number)d request.", "You approved %(number)d requests.", number)
    if number:
        messages.success(request, words % {"number": number})


def tell_rejected(request: HttpRequest, number: int) -> None:
    """How many the officer has rejected, if any."""
    words = ngettext("You rejected %(number)d request.", "You rejected %(number)d requests.", number)
    if number:
        messages.success(request, words % {"number": number})


def rejecting(seen: Mapping[uuid.UUID, str], back: str) -> Confirmation:
    """Confirmation page of a bulk rejection."""
    number = len(seen)
    rows = TokenRequest.objects.select_related("person").filter(pk__in=seen).order_by("created_at", "pk")
    title = ngettext("Reject %(number)d request?", "Reject %(number)d requests?", number)
    return Confirmation(
        title=title % {"number": number},
        lead=_("They end here. Who asked is told by mail, with your reason."),
        button=_("Reject"),
        back=back,
        tab="open_tasks",
        signed=certificate_content.of_requests(list(rows)),
    )
