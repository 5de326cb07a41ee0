"""What the page of a request shows: the present state, read fresh, whatever led here."""

import uuid
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from identity_manager.console import access, actions, history, refusals, steps, stuck, token_card
from identity_manager.console.forms import DecisionForm, PostponeForm, PressForm, RejectForm
from identity_manager.console.refusals import VerbForm
from identity_manager.models import (
    OutgoingMail,
    Person,
    RequestOrigin,
    RequestState,
    Role,
    TokenRequest,
)
from identity_manager.workflow import ROAD, policy, snapshot
from identity_manager.workflow.errors import Stale

TEMPLATE = "identity_manager/request.html"


def response(
    request: HttpRequest, actor: Person, pk: uuid.UUID, *, form: VerbForm | None = None
) -> HttpResponse:
    """The page; after a refusal with what was refused, and with the status that goes with it."""
    form = form or PressForm()
    row = _rows().get(pk=pk)
    return render(request, TEMPLATE, context(actor, row, form=form), status=refusals.status_of(form))


def context(actor: Person, row: TokenRequest, *, form: VerbForm) -> dict[str, Any]:
    """Everything that the template draws."""
    administers = policy.administers(actor, row.person)
    tokens = list(row.tokens.all())
    return {
        "tab": "requests",
        "row": row,
        "form": form,
        "title": _("%(types)s for %(person)s") % {"types": _listed(row), "person": row.person},
        "types_words": _listed(row),
        "steps": steps.steps_of(row),
        "originals": originals(row),
        "tokens": [token_card.card(token, administers=administers) for token in tokens],
        "differences": snapshot.differences(tokens) if row.is_open else [],
        "mails": row.mails.all(),
        "actions": actions.of_request(row, administers=administers),
        "administers": administers,
        "may_open_person": access.visible_persons(actor).filter(pk=row.person_id).exists(),
        **_happened(row, form),
        **_trouble(row),
        **_decision(actor, row),
    }


def originals(row: TokenRequest) -> list[str]:
    """The process ids of the original that this request runs under, in the order of the road."""
    other = "request" if row.origin == RequestOrigin.ADMINISTRATOR else "enable"
    names = [step.original for step in ROAD if not step.verbs[0].startswith(f"step1_{other}")]
    return list(dict.fromkeys(filter(None, names)))


def _rows() -> QuerySet[TokenRequest]:
    """The request with all that its page reads; texts of mails and wrapped secrets stay in the database."""
    return TokenRequest.objects.select_related("person", "requested_by").prefetch_related(
        Prefetch("tokens", token_card.rows().order_by("token_type__position", "pk")),
        Prefetch("mails", OutgoingMail.objects.defer("body_text", "body_html")),
        "approvals__approver",
        Prefetch("events", history.rows()),
    )


def _listed(row: TokenRequest) -> str:
    return get_text_list([str(token.token_type) for token in row.tokens.all()], _("and"))


def _happened(row: TokenRequest, form: VerbForm) -> dict[str, Any]:
    """The history; after a stale form also what happened meanwhile."""
    names = {token.type_code: str(token.token_type) for token in row.tokens.all()}
    events = row.events.all()
    last = next((event for event in events if event.name in history.MILESTONES), None)
    stale = isinstance(form.refused, Stale)
    return {
        "history": history.timeline(events, type_names=names),
        "meanwhile": history.told(last) if last and stale else None,
    }


def _trouble(row: TokenRequest) -> dict[str, Any]:
    parts = stuck.stuck_parts(row)
    return {
        "stuck": parts,
        "waits_for_next_try": any(part.next_attempt for part in parts),
        "failed": row.state == RequestState.FAILED,
    }


def _decision(actor: Person, row: TokenRequest) -> dict[str, Any]:
    """The decision box of an approver, or why this officer does not decide."""
    if row.state != RequestState.REQUESTED or not access.holds(actor, {Role.APPROVER}):
        return {"decides": False}
    obstacle = policy.decision_obstacle(actor, row)
    initial = {"snapshot_hash": row.snapshot_hash}
    return {
        "decides": obstacle is None,
        "decision_obstacle": obstacle,
        "approve_form": DecisionForm(initial=initial, auto_id=False),
        "reject_form": RejectForm(initial=initial, auto_id="reject-%s"),
        "postpone_form": PostponeForm(initial=initial, auto_id="postpone-%s"),
    }
