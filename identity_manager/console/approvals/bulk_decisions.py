"""Bulk decisions: an approver decides on several requests, each bound to the snapshot shown."""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import lazystr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from identity_manager.console.access import requests as access_requests
from identity_manager.console.approvals import certificate_content, postponement_days
from identity_manager.console.approvals.certificate_content import SignedRequest
from identity_manager.console.forms import refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists.columns import Column, Columns, DrawnTable
from identity_manager.console.open_tasks import page as open_tasks
from identity_manager.console.search import requests as request_list
from identity_manager.console.search.request_columns import ASKED_BY, title_of
from identity_manager.console.search.selection import NOTHING_CHOSEN
from identity_manager.models import BatchLine, BatchOrder, Person, TokenRequest
from identity_manager.ui import cells
from identity_manager.ui.parts import Tab
from identity_manager.ui.templatetags import moments, persons
from identity_manager.workflow import step2_approve
from identity_manager.workflow.step2_approve import NotDecided

OPEN_TASKS = "open-tasks"
AT_ONCE = 100  # an approver reads each of them


def _person(row: Any) -> object:
    return persons.who(row.person.display_name, row.person.personnel_number, row.page, row=True)


def _waits(row: Any) -> object:
    """How long, how many approvals are given, and when a postponed one comes back."""
    waits, comes_back = moments.age(row.created_at), getattr(row, "comes_back_at", None)
    if row.approval_progress:
        waits = cells.with_line(waits, row.approval_progress)
    return cells.with_line(waits, _("comes back"), moments.when(comes_back)) if comes_back else waits


def _signed_content(row: Any) -> object:
    return render_to_string("identity_manager/approvals/signed.html", {"signed": row.signed})


_NAMED = ("person__state", "person__display_name", "person__personnel_number")
_WAITING_SINCE = ("created_at", "state", "approvals_needed", "round")
COLUMNS = Columns(
    (
        Column("person", gettext_lazy("For"), _person, fields=_NAMED, width="column-wide"),
        Column("tokens", gettext_lazy("Tokens"), title_of, fields=("kind", "round", "state")),
        Column(
            "department",
            gettext_lazy("Department"),
            lambda row: cells.isolate(row.person.department or "–"),
            fields=("person__department",),
        ),
        Column(
            "address",
            gettext_lazy("E-mail"),
            lambda row: row.delivery_address or "–",
            fields=("delivery_address",),
            css="address",
            width="column-wide",
        ),
        ASKED_BY,
        Column("waits", gettext_lazy("Waits for"), _waits, fields=_WAITING_SINCE, width="column-narrow"),
        Column("signed", "", _signed_content, fields=("purpose", "snapshot_hash"), is_detail=True),
    ),
    shown=("person", "tokens", "department", "address", "asked_by", "waits", "signed"),
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
    """The ticked requests."""

    requests = SeenField(
        error_messages={
            "required": lazystr(NOTHING_CHOSEN),
            "invalid_choice": lazystr(step2_approve.NOT_WAITING),
        }
    )


class SeveralApprovalsForm(SeveralForm):
    """Bulk approval, which is asked once before."""

    confirmed = forms.BooleanField(required=False, widget=forms.HiddenInput)


class SeveralRejectionsForm(SeveralForm):
    """Bulk rejection with a reason."""

    reason = ReasonField(
        help_text=gettext_lazy("Who asked reads this."), required=lazystr(step2_approve.NO_REASON)
    )


class SeveralPostponementsForm(SeveralForm):
    """Bulk postponement, to a morning in the officer's time zone."""

    when = forms.ChoiceField(
        label=gettext_lazy("Until"),
        choices=postponement_days.CHOICES,
        widget=forms.RadioSelect,
        initial=postponement_days.TOMORROW,
        error_messages={"required": lazystr(step2_approve.NOT_IN_THE_FUTURE)},
    )


def context(
    actor: Person, asked: Mapping[str, str], *, form: VerbForm, order_id: uuid.UUID | None
) -> dict[str, Any]:
    """Requests that wait for this approver, oldest first; of one batch order, or all; or the postponed.

    A batch order without any readable request is ignored: everything is shown.
    """
    order = _order(actor, order_id) if order_id else None
    postponed = order is None and "postponed" in asked
    listed = open_tasks.postponed if postponed else open_tasks.awaiting_decision
    waiting = listed(actor, timezone.now()).only(*COLUMNS.fields)
    if order is not None:
        waiting = waiting.filter(pk__in=BatchLine.objects.filter(order=order).values("request"))
    found = list(waiting.prefetch_related(None)[: AT_ONCE + 1])
    rows = _prepared(found[:AT_ONCE])
    return {
        "tab": "open_tasks",
        "form": form,
        "order": order,
        "number": len(rows),
        "table": _table(actor, rows, are_ticked="ticked" in asked),
        "has_more": len(found) > AT_ONCE,
        "ticked": "ticked" in asked,
        "filters": (
            Tab(_("Wait for your decision"), reverse("console:decisions"), current=not postponed),
            Tab(_("Postponed"), f"{reverse('console:decisions')}?postponed", current=postponed),
        ),
    }


def _prepared(rows: list[TokenRequest]) -> list[Any]:
    """Give requests what their cells show: also what their certificates will say."""
    prepared: list[Any] = request_list.prepared(rows)
    for row, signed in zip(prepared, certificate_content.of_requests(rows), strict=True):
        row.signed = signed
    return prepared


def _table(actor: Person, rows: list[Any], *, are_ticked: bool) -> DrawnTable:
    keys = [str(open_tasks.seen(row)[0]) for row in rows] if are_ticked else []
    return COLUMNS.draw_selectable(
        actor, rows, sort=None, checkbox="requests", named=open_tasks.seen, selected=keys
    )


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


def address(order_id: uuid.UUID | None, asked: Mapping[str, str]) -> str:
    """URL of the page where the requests were ticked."""
    if asked.get("from") == OPEN_TASKS:
        return reverse("console:approvals")
    if order_id is None:
        return reverse("console:decisions")
    return reverse("console:decisions-of-order", args=[order_id])


def is_asked_before(request: HttpRequest, form: SeveralApprovalsForm, seen: Mapping[uuid.UUID, str]) -> bool:
    """Whether to ask for confirmation: for several requests, or if the list did not show the contents."""
    many = len(seen) > 1 or request.GET.get("from") == OPEN_TASKS
    return many and not form.cleaned_data["confirmed"]


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


def tell_postponed(request: HttpRequest, number: int) -> None:
    """How many the officer has postponed, if any."""
    words = ngettext("You postponed %(number)d request.", "You postponed %(number)d requests.", number)
    if number:
        messages.success(request, words % {"number": number})


def approving(seen: Mapping[uuid.UUID, str], back: str) -> Confirmation:
    """Confirmation page of a bulk approval."""
    title = ngettext("Approve %(number)d request?", "Approve %(number)d requests?", len(seen))
    return Confirmation(
        title=title % {"number": len(seen)},
        lead=_("Each is approved as it stands here. One that has changed is left out, and you are told."),
        button=_("Approve"),
        back=back,
        tab="open_tasks",
        dangerous=False,
        signed=_signed(seen),
    )


def postponing(seen: Mapping[uuid.UUID, str], back: str) -> Confirmation:
    """Confirmation page of a bulk postponement."""
    title = ngettext("Postpone %(number)d request?", "Postpone %(number)d requests?", len(seen))
    return Confirmation(
        title=title % {"number": len(seen)},
        lead=_("Nothing is decided. They leave your list until then; every other approver still sees them."),
        button=_("Postpone"),
        back=back,
        tab="open_tasks",
        dangerous=False,
        signed=_signed(seen),
    )


def rejecting(seen: Mapping[uuid.UUID, str], back: str) -> Confirmation:
    """Confirmation page of a bulk rejection."""
    title = ngettext("Reject %(number)d request?", "Reject %(number)d requests?", len(seen))
    return Confirmation(
        title=title % {"number": len(seen)},
        lead=_("They end here. Who asked is told by mail, with your reason."),
        button=_("Reject"),
        back=back,
        tab="open_tasks",
        signed=_signed(seen),
    )


def _signed(seen: Mapping[uuid.UUID, str]) -> list[SignedRequest]:
    rows = TokenRequest.objects.select_related("person").filter(pk__in=seen).order_by("created_at", "pk")
    return certificate_content.of_requests(list(rows))
