"""What the page of a request shows: the present state, read fresh, whatever led here."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console import access, actions, history, refusals, steps
from identity_manager.console.forms import DecisionForm, PostponeForm, PressForm, RejectForm
from identity_manager.console.refusals import VerbForm
from identity_manager.models import (
    AuditEvent,
    Certificate,
    CertificateState,
    MailState,
    OutgoingMail,
    Person,
    RequestOrigin,
    RequestState,
    Role,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.workflow import ROAD, policy, snapshot
from identity_manager.workflow.errors import Reason, Stale

TEMPLATE = "identity_manager/request.html"
SYSTEM_STEPS_FROM = 2


@dataclass(frozen=True)
class Stuck:
    """Something that did not go through: what, the last error and since when, how often, when again."""

    what: str | Promise
    error: str
    since: datetime | None
    attempts: int
    next_attempt: datetime | None


def response(
    request: HttpRequest, actor: Person, pk: uuid.UUID, *, form: VerbForm | None = None
) -> HttpResponse:
    """The page; after a refusal with what was refused, and with the status that goes with it."""
    form = form or PressForm()
    row = _rows().get(pk=pk)
    return render(request, TEMPLATE, context(actor, row, form=form), status=refusals.status_of(form))


def context(actor: Person, row: TokenRequest, *, form: VerbForm) -> dict[str, Any]:
    """Everything that the template draws."""
    events = list(row.events.all())
    troubles = list(stuck(row))
    types = [str(token.token_type) for token in row.tokens.all()]
    administers = policy.administers(actor, row.person)
    return {
        "tab": "requests",
        "row": row,
        "form": form,
        "meanwhile": history.told(events[0]) if events and isinstance(form.refused, Stale) else None,
        "steps": steps.steps_of(row),
        "originals": originals(row),
        "tokens": [actions.of_token(token, administers=administers) for token in row.tokens.all()],
        "differences": snapshot.differences(row.tokens.all()) if row.is_open else [],
        "mails": row.mails.all(),
        "history": history.timeline(events),
        "stuck": troubles,
        "waits_for_next_try": any(each.next_attempt for each in troubles),
        "types_words": get_text_list(types, gettext("and")),
        "title": gettext("%(types)s for %(person)s")
        % {"types": get_text_list(types, gettext("and")), "person": row.person},
        "actions": actions.of_request(row, administers=administers),
        "administers": administers,
        "may_open_person": access.visible_persons(actor).filter(pk=row.person_id).exists(),
        **_decision(actor, row),
    }


def _rows() -> QuerySet[TokenRequest]:
    """The request with all that its page reads; blobs and wrapped secrets stay in the database."""
    certificates = (
        Certificate.objects.select_related("profile", "order")
        .defer(
            "private_key_wrapped", "certificate", "order__csr", "order__certificate", "order__chain_base64"
        )
        .order_by("position")
    )
    tokens = SoftwareToken.objects.select_related("token_type", "person").defer("passphrase_wrapped")
    tokens = tokens.prefetch_related(Prefetch("certificates", certificates))
    mails = OutgoingMail.objects.select_related("person").defer("body_text", "body_html")
    events = AuditEvent.objects.select_related("actor", "token__token_type").order_by("-pk")
    return TokenRequest.objects.select_related("person", "requested_by").prefetch_related(
        Prefetch("tokens", tokens.order_by("token_type__position", "pk")),
        Prefetch("mails", mails),
        "approvals__approver",
        Prefetch("events", events),
    )


def originals(row: TokenRequest) -> list[str]:
    """The process ids of the original that this request runs under, in the order of the road."""
    own = "enable" if row.origin == RequestOrigin.ADMINISTRATOR else "request"
    names = [
        step.original for step in ROAD if step.number >= SYSTEM_STEPS_FROM or step.verbs[0].endswith(own)
    ]
    return list(dict.fromkeys(filter(None, names)))


def stuck(row: TokenRequest) -> Iterable[Stuck]:
    """What of the request did not go through, certificates first."""
    if row.state == RequestState.FAILED:
        yield Stuck(_("The request"), row.reason, _failed_since(row), 0, None)
    for token in row.tokens.all():
        for certificate in token.certificates.all():
            if certificate.last_error or (certificate.state == CertificateState.REFUSED and row.is_open):
                yield _stuck(certificate, f"{token}: {certificate.profile.name}", certificate.refusal)
        if token.last_error:
            yield _stuck(token, str(token), "")
    for mail in row.mails.all():
        if mail.last_error and mail.state in (MailState.QUEUED, MailState.FAILED):
            yield _stuck(mail, _("Mail “%(subject)s”") % {"subject": mail.subject}, "")


def _stuck(lease: Certificate | SoftwareToken | OutgoingMail, what: str | Promise, refusal: str) -> Stuck:
    return Stuck(
        what=what,
        error=lease.last_error or refusal,
        since=lease.last_error_at,
        attempts=lease.attempts,
        next_attempt=lease.next_attempt_at,
    )


def _failed_since(row: TokenRequest) -> datetime | None:
    return next((event.at for event in row.events.all() if event.name == "request.failed"), None)


def _decision(actor: Person, row: TokenRequest) -> dict[str, Any]:
    """The decision box of an approver, or why this officer does not decide."""
    if row.state != RequestState.REQUESTED or not access.holds(actor, {Role.APPROVER}):
        return {"decides": False}
    obstacle: Reason | None = policy.decision_obstacle(actor, row)
    initial = {"snapshot_hash": row.snapshot_hash}
    return {
        "decides": obstacle is None,
        "decision_obstacle": obstacle,
        "approve_form": DecisionForm(initial=initial, auto_id=False),
        "reject_form": RejectForm(initial=initial, auto_id="reject-%s"),
        "postpone_form": PostponeForm(initial=initial, auto_id="postpone-%s"),
    }
