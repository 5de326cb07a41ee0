"""Page of a request: context and response, always from a fresh read."""

import uuid
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from identity_manager.console.access import offices, persons
from identity_manager.console.approvals.forms import DecisionForm, PostponeForm, RejectForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.history import event_wording
from identity_manager.console.process import page as process_page
from identity_manager.console.requests import (
    actions,
    decision_card,
    order_card,
    steps,
    stuck_work,
    token_card,
)
from identity_manager.console.requests.actions import ActionOffer
from identity_manager.console.requests.decision_card import ApprovalCard
from identity_manager.console.requests.forms import ResubmissionForm
from identity_manager.console.requests.token_card import TokenCard
from identity_manager.mail.registry import title_of
from identity_manager.models import (
    CaOutage,
    Certificate,
    Person,
    PersonState,
    RequestKind,
    RequestState,
    Role,
    TokenRequest,
)
from identity_manager.people.identity import identity_change_policy
from identity_manager.queries import console_pages
from identity_manager.transactions.refusals import Reason, Stale
from identity_manager.ui.bidi import isolated
from identity_manager.workflow import ROAD, snapshot, step2_approve
from identity_manager.workflow.diagram import state_graph
from identity_manager.workflow.issuance import partial_issue
from identity_manager.workflow.policy import approvers, eligibility, permitted_actions
from identity_manager.workflow.requests import reminders_by_hand

TEMPLATE = "identity_manager/requests/request.html"
# Parts of the page that are present only if something is wrong or waits.
WRONG = ("orders", "differences", "waits_for", "silent", "stuck", "failed")
DECISION = "identity_manager/approvals/decide.html"


def response(
    request: HttpRequest,
    actor: Person,
    found: TokenRequest | uuid.UUID,
    *,
    form: VerbForm | None = None,
    part: str = "",
) -> HttpResponse:
    """Render the page, or a part of it by its own template; after a refusal with the form and its status.

    found: the request as just read, or its key; after a refusal it is read again.
    """
    form = form or PressForm()
    row = _row(found, anew=form.refused is not None)
    for token in row.tokens.all():
        token.person = row.person
    return render(request, part or TEMPLATE, context(actor, row, form=form), status=refusals.status_of(form))


def context(actor: Person, row: TokenRequest, *, form: VerbForm) -> dict[str, Any]:
    """The template context."""
    administers = eligibility.administers(actor, row.person)
    lines = row.lines
    not_by_you = actions.sending_obstacle(actor, row.person) if administers else None
    approvals = decision_card.of_request(row)
    differences = snapshot.differences(lines) if row.is_open else []
    shown = {
        "orders": order_card.of_request(row),
        "differences": differences,
        "waits_for": _what_it_waits_for(row),
        "silent": _who_does_not_answer(row),
        **_trouble(row),
    }
    # For a request without problems, impossible actions are not listed.
    offer = ActionOffer(administers, says_why_not=any(shown[each] for each in WRONG), not_by_you=not_by_you)
    return {
        "tab": "requests",
        "row": row,
        "form": form,
        "title": _("%(types)s for %(person)s") % {"types": _listed(row), "person": isolated(row.person)},
        "types_words": _listed(row),
        "steps": steps.steps_of(row),
        "process": process_page.fold_of(row, [event.name for event in reversed(row.events.all())]),
        "originals": originals(row),
        "tokens": [token_card.card(token, offer) for token in lines],
        "earlier": _earlier_lines(row, offer),
        "approvals": approvals,
        "reminds_approvers": bool(approvals.waits_for)
        and reminders_by_hand.reminds_approvers(actor=actor, request=row),
        "round_form": ResubmissionForm(
            initial={"changes_hash": snapshot.fingerprint(differences)}, auto_id=False
        ),
        **_round(actor, row, can_begin=bool(differences) and administers),
        "mails": [(mail, title_of(mail.message)) for mail in row.mails.all()],
        "reads_mails": _reads_mails(actor, row),
        "actions": actions.of_request(row, offer),
        "administers": administers,
        "evidence_of": _what_the_log_knows(row) if offices.holds(actor, {Role.AUDITOR}) else (),
        "may_open_person": persons.may_see(actor, row.person),
        **_happened(row, form),
        **shown,
        **_decision(actor, row, approvals),
    }


def _what_the_log_knows(row: TokenRequest) -> set[uuid.UUID]:
    """Keys of the request and its tokens that have audit events; others have no evidence to export."""
    events = row.events.all()
    return {row.pk for _event in events[:1]} | {event.token_id for event in events if event.token_id}


def _reads_mails(actor: Person, row: TokenRequest) -> bool:
    unit = row.person.organisational_unit
    return any(actor.has_role(role, unit=unit) for role in offices.MAIL_READERS)


def _round(actor: Person, row: TokenRequest, *, can_begin: bool) -> dict[str, Any]:
    """Whether the administrator can start the request again with new data, or why not."""
    offered = can_begin and permitted_actions.can_be_resubmitted(row)
    return {
        "can_be_resubmitted": offered,
        "round_obstacle": eligibility.asking_obstacle(actor, row.person) if offered else None,
    }


def _what_it_waits_for(row: TokenRequest) -> list[Reason]:
    """Reasons for which the request waits: the person's leave, or an undecided change of identity."""
    if not row.is_open:
        return []
    found = []
    if row.person.state == PersonState.INACTIVE and row.state != RequestState.FAILED:
        found.append(eligibility.ON_LEAVE)
    if identity_change_policy.waiting_for(row.person) is not None:
        found.append(identity_change_policy.FROZEN)
    return found


def _who_does_not_answer(row: TokenRequest) -> QuerySet[CaOutage]:
    """Outages of CAs that delay orders of this request."""
    if row.state != RequestState.ISSUING:
        return CaOutage.objects.none()
    return CaOutage.objects.keeping(Certificate.objects.filter(token__request=row))


def originals(row: TokenRequest) -> list[str]:
    """The process ids of Nexus that this request runs under, in their order; none of an import."""
    if row.kind == RequestKind.IMPORT:
        return []
    begins = state_graph.beginning_of(row)
    steps = [begins, *(step for step in ROAD if step.is_on_every_road)]
    names = [step.original for step in steps]
    return list(dict.fromkeys(filter(None, names)))


def _earlier_lines(row: TokenRequest, offer: ActionOffer) -> list[TokenCard]:
    """Cards of the tokens of earlier rounds, the latest first: revocation may still be under way."""
    tokens = [token for token in row.tokens.all() if token.round != row.round]
    tokens.sort(key=lambda token: -token.round)
    return [token_card.card(token, offer) for token in tokens]


def _row(found: TokenRequest | uuid.UUID, *, anew: bool) -> TokenRequest:
    """The request with all that its page reads; texts of mails and wrapped secrets stay in the database."""
    if anew or isinstance(found, uuid.UUID):
        key = found if isinstance(found, uuid.UUID) else found.pk
        found = console_pages.requests_page(TokenRequest.objects.all()).get(pk=key)
    undecided = found.state == RequestState.REQUESTED
    begun = found.round > 1 or not undecided  # certificates are there once the terms are accepted
    console_pages.prefetch_request_page(found, begun=begun, undecided=undecided)
    return found


def _listed(row: TokenRequest) -> str:
    return get_text_list([str(token) for token in row.lines], _("and"))


def _happened(row: TokenRequest, form: VerbForm) -> dict[str, Any]:
    """The history; after a stale form also the events since the form was shown."""
    names = {token.type_code: str(token) for token in row.tokens.all()}
    events = row.events.all()
    last = next((event for event in events if event.name in event_wording.MILESTONES), None)
    stale = isinstance(form.refused, Stale)
    return {
        "history": event_wording.timeline(events, type_names=names),
        "meanwhile": event_wording.timeline_event(last) if last and stale else None,
    }


def _trouble(row: TokenRequest) -> dict[str, Any]:
    parts = stuck_work.stuck_parts(row)
    rows = [certificate for token in row.lines for certificate in token.certificates.all()]
    failed = row.state == RequestState.FAILED
    return {
        "next_try_obstacle": eligibility.next_try_obstacle(row.person, [*row.lines, *rows, *row.mails.all()]),
        "retry_obstacle": eligibility.person_obstacle(row.person) if failed else None,
        "has_a_rest": failed and partial_issue.has_a_rest(rows),
        "stuck": parts,
        "waits_for_next_try": any(part.next_attempt for part in parts),
        "failed": failed,
    }


def _decision(actor: Person, row: TokenRequest, approvals: ApprovalCard) -> dict[str, Any]:
    """The decision box of an approver, or why this officer does not decide."""
    if not row.is_undecided or not offices.holds(actor, {Role.APPROVER}):
        return {"decides": False, "not_waiting": step2_approve.NOT_WAITING}
    obstacle = None if actor.pk in approvals.deciders else approvers.decision_obstacle(actor, row)
    initial = {"snapshot_hash": row.snapshot_hash}
    return {
        "decides": obstacle is None,
        "decision_obstacle": obstacle,
        "approval_obstacle": eligibility.person_obstacle(row.person),
        "approve_form": DecisionForm(initial=initial, auto_id=False),
        "reject_form": RejectForm(lines=row.lines, initial=initial, auto_id="reject-%s"),
        "postpone_form": PostponeForm(initial=initial, auto_id="postpone-%s"),
    }
