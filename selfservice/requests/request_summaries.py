"""Request summaries: one sentence on the state of a request, and the next page."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity_manager.models import (
    Approval,
    AskedApprover,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.models.requests.approval import progress
from identity_manager.models.words import Vocabulary
from identity_manager.workflow.issuance import failures
from selfservice.certificates import token_status
from selfservice.progress.page import next_passphrase
from selfservice.requests import type_choices


@dataclass(frozen=True)
class RequestSummary:
    """State of a request: one line, reason, next page.

    asked: approvers asked; approved: who approved; progress: the same where several have to approve.
    office_told_at: since when administrators know that nobody decides. removed_tokens: tokens removed by an
    approver, with reasons.
    """

    line: str
    reason: str = ""
    asked: Sequence[AskedApprover] = ()
    approved: Sequence[Approval] = ()
    progress: str = ""
    office_told_at: datetime | None = None
    removed_tokens: Sequence[SoftwareToken] = ()
    action: str = ""
    url: str = ""


def of(request: TokenRequest, *, offered: Container[str]) -> RequestSummary:
    """Summary of the request in its current state.

    offered: codes of the types that the person can request now.
    """
    action, url = _next_page(request) or _asking_again(request, offered)
    reason = str(request.reason_words) if request.state in STATES_WITH_REASON else ""
    decides = request.is_undecided
    return RequestSummary(
        line=line(request),
        reason=reason,
        asked=request.waits_for if decides else (),
        approved=request.decisions if decides and request.approvals_needed == 1 else (),
        progress=progress(request.approvals_needed, request.decisions) if decides else "",
        office_told_at=request.office_told_at if decides else None,
        removed_tokens=request.removed_tokens,
        action=action,
        url=url,
    )


STATES_WITH_REASON = (RequestState.REJECTED, RequestState.CANCELLED, RequestState.DECLINED)

LINES = Vocabulary(
    "states of requests, for the person",
    {
        RequestState.REQUESTED: gettext_lazy("Somebody decides on it. You get a mail when they have."),
        RequestState.APPROVED: gettext_lazy(
            "It is approved. You are asked to accept the Terms and Conditions next."
        ),
        RequestState.REJECTED: gettext_lazy("It was rejected. Nothing was issued."),
        RequestState.AWAITING_ACCEPTANCE: gettext_lazy(
            "It waits for you: read and accept the Terms and Conditions."
        ),
        RequestState.DECLINED: gettext_lazy("You declined the Terms and Conditions. Nothing was issued."),
        RequestState.LAPSED: gettext_lazy("The Terms and Conditions were not accepted in time."),
        RequestState.ISSUING: gettext_lazy("Keys and certificates are being made. You have nothing to do."),
        RequestState.COMPLETED: gettext_lazy("It is finished. What you got is under Certificates."),
        RequestState.CANCELLED: gettext_lazy("It was ended before anything was handed out."),
    },
)


def line(request: TokenRequest) -> str:
    """The sentence alone, without queries about approvers."""
    if request.state == RequestState.FAILED:
        sentence = _("The administrators have been told. You have nothing to do.")
        return f"{failures.for_the_person(request)} {sentence}"
    if request.is_stopped:
        return _(
            "It is stopped, because your data in the directory have changed since it was made. An "
            "administrator decides whether it goes on with the new ones."
        )
    if request.lapsed_unused:
        return _("The passphrase was destroyed before it was noted, so nothing is in use.")
    if request.state == RequestState.REQUESTED and request.requested_by_id != request.person_id:
        return _("Somebody decides on it. You get a mail when it is approved.")
    if request.state == RequestState.ISSUED:
        return _what_is_left(request)
    if request.is_recovery and request.state == RequestState.ISSUING:
        return _("The archived keys are being opened. You have nothing to do.")
    state = RequestState.CANCELLED if request.came_to_nothing else request.state
    return str(LINES.in_words(state))


def _next_page(request: TokenRequest) -> tuple[str, str] | None:
    """Label and address of the next page, if any."""
    if request.is_stopped and request.state != RequestState.FAILED:
        return None
    match request.state:
        case RequestState.AWAITING_ACCEPTANCE:
            return _("Read and accept"), reverse("selfservice:terms", args=[request.pk])
        case RequestState.ISSUING | RequestState.FAILED:
            return _("See how far it is"), reverse("selfservice:progress", args=[request.pk])
        case RequestState.COMPLETED if request.came_to_nothing:
            return None
        case RequestState.ISSUED | RequestState.COMPLETED:
            return _after_issue(request)
    return None


def _asking_again(request: TokenRequest, offered: Container[str]) -> tuple[str, str]:
    """As _next_page for **Ask again**, where the request failed and a type can be requested now."""
    ended = request.state in (RequestState.DECLINED, RequestState.LAPSED) or request.came_to_nothing
    if ended and any(code in offered for code in type_choices.asked_for(request)):
        return _("Ask again"), reverse("selfservice:ask-again", args=[request.pk])
    return "", ""


def _what_is_left(request: TokenRequest) -> str:
    """The missing step of an issued request: noting the passphrase, then the file's delivery."""
    if next_passphrase(request) is not None:
        return _("It is issued. Note the passphrase: it opens your file.")
    if _next_file(request) is not None:
        return _("It is issued. The file waits for you here.")
    if _is_on_hold(request):
        return _("It is issued, but what is still to be handed out is on hold at present.")
    if all(token.is_by_targets for token in request.tokens.all() if token.state == TokenState.SEALED):
        return _("It is issued. Its keys are on their way to where they are used; you have nothing to do.")
    if token_status.by_link():
        return _("It is issued, and you have the passphrase. A mail says when you can fetch the file here.")
    return _("It is issued, and you have the passphrase. The file comes by mail.")


def _is_on_hold(request: TokenRequest) -> bool:
    """Whether only a hold keeps an issued request from completion."""
    return all(token.state != TokenState.SEALED for token in request.tokens.all())


def _next_file(request: TokenRequest) -> SoftwareToken | None:
    return next((row for row in request.tokens.all() if row.is_to_be_fetched), None)


def _after_issue(request: TokenRequest) -> tuple[str, str] | None:
    token = next_passphrase(request)
    if token is not None:
        return _("See the passphrase"), reverse("selfservice:passphrase", args=[token.pk])
    token = _next_file(request)
    if token is not None:
        return _("Fetch the file"), reverse("selfservice:files", args=[token.pk])
    if request.state == RequestState.ISSUED and _is_on_hold(request):
        return None
    return _("See your certificates"), reverse("selfservice:certificates")
