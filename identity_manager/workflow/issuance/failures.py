"""Failures of issuance: their effect on certificate and request, and their sentences.

A failure is stored on the request as a code with facts, and translated when a page or mail shows it, because
a worker does not know the reader's language.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge import issuing
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import request_messages
from identity_manager.models import Certificate, RequestState, SoftwareToken, TokenRequest, TokenState
from identity_manager.models.people.person import field_name
from identity_manager.models.words import Vocabulary
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.policy.eligibility import NO_EMAIL, NOT_ACTIVE
from identity_manager.workflow.recovery import policy
from identity_manager.workflow.requests import suspension
from identity_manager.workflow.snapshot import Difference

PERSON_CHANGED = "person-changed"
REFUSED = "refused"
GIVEN_UP = "given-up"
ENDED_IN_VAIN = "ended-in-vain"
UNKNOWN = _("It could not be issued.")
_OFFICE_DECIDES = _("It could not be issued, and trying again does not help by itself.")

_KEYS_NOT_OPENED = _("Your archived keys could not be opened. Nothing is lost by that.")

FOR_OFFICERS = Vocabulary(
    "failures, for officers",
    {
        PERSON_CHANGED: _("The person's data have changed since the approval: %(fields)s."),
        REFUSED: _("Certificate “%(profile)s” was refused: %(message)s"),
        GIVEN_UP: _(
            "The order for certificate “%(profile)s” was given up: nobody knows whether its certificate "
            "authority has issued it."
        ),
        ENDED_IN_VAIN: _(
            "Certificate “%(profile)s” was issued %(times)s times, and ended each time before its token "
            "could be handed out: it holds for too short a time, or another certificate of the token is too "
            "long in coming."
        ),
        NO_EMAIL.code: NO_EMAIL.sentence,
        **{reason.code: reason.sentence for reason in NOT_ACTIVE.values()},
        **policy.FAILURES,
    },
    unknown=UNKNOWN,
)
FOR_THE_PERSON = Vocabulary(
    "failures, for the person",
    {
        PERSON_CHANGED: _(
            "Your data in the directory have changed since the request was made. An administrator decides "
            "whether it goes on with the new ones."
        ),
        **dict.fromkeys((REFUSED, GIVEN_UP, ENDED_IN_VAIN), _OFFICE_DECIDES),
        NO_EMAIL.code: _("You have no e-mail address in the directory, so nothing can be delivered to you."),
        **dict.fromkeys(
            (reason.code for reason in NOT_ACTIVE.values()),
            _("Your person record is not Active, so nothing is issued for you."),
        ),
        **dict.fromkeys(policy.FAILURES, _KEYS_NOT_OPENED),
        **{reason.code: reason.own for reason in policy.REFUSALS if reason.own},
    },
    unknown=UNKNOWN,
)


@dataclass(frozen=True)
class Failure:
    """A failure's code and the facts for its sentence: plain values, no secret."""

    code: str
    facts: dict[str, Any] = field(default_factory=dict)


def of_reason(reason: Reason) -> Failure:
    """The failure for a reason of policy."""
    return Failure(reason.code)


def of_change(differences: Iterable[Difference]) -> Failure:
    """The failure for a person who has changed."""
    return Failure(PERSON_CHANGED, {"fields": [difference.field for difference in differences]})


def of_refusal(certificate: Certificate, *, message: str) -> Failure:
    """The failure for a refusal by the CA or the lint; message: their own words."""
    return Failure(REFUSED, {"profile": certificate.profile.name.default, "message": message})


def of_given_up(certificate: Certificate) -> Failure:
    """The failure for an order that an officer gave up."""
    return Failure(GIVEN_UP, {"profile": certificate.profile.name.default})


def of_ending(certificate: Certificate, *, times: int) -> Failure:
    """The failure for a certificate that expired several times before its token was sealed."""
    return Failure(ENDED_IN_VAIN, {"profile": certificate.profile.name.default, "times": times})


def for_officers(code: str, facts: dict[str, Any]) -> str:
    """The sentence for officers, in the language of the moment; empty without a code."""
    if not code:
        return ""
    words = FOR_OFFICERS.in_words(code)
    return str(words) % _in_words(facts)


def for_the_person(request: TokenRequest) -> str | Promise:
    """The sentence for the person whom the request is for; no detail that only an operator needs."""
    return FOR_THE_PERSON.in_words(request.failure)


def _in_words(facts: dict[str, Any]) -> dict[str, Any]:
    fields = ", ".join(str(field_name(name)) for name in facts.get("fields", ()))
    return {"profile": "", "message": "", "times": "", **facts, "fields": fields}


def stop(certificate: Certificate, failure: Failure, *, said: str = "") -> None:
    """Stop issuance of a locked certificate: withdraw and refuse the order, and fail the request.

    An order that the CA may have issued stays open: after an officer's retry it is looked up and used; after
    the request's end it is looked up and revoked.
    """
    if certificate.order_id is None or not issuing.may_have_issued(certificate.order_id):
        if certificate.order_id is not None:
            issuing.withdraw(certificate.order_id)
        refuse(certificate, failure)
        return
    certificate.settle_later(said, now=timezone.now())
    certificate.save()
    fail_request(certificate.token, failure)


def refuse(certificate: Certificate, failure: Failure, *, said: str = "", detail: str = "") -> None:
    """Refuse a locked certificate for good, in the caller's transaction: erase its key, fail its request.

    An officer decides on the other certificates of the request.
    """
    certificate.refuse(reason=said)
    certificate.erase_key()
    certificate.settle_lease()
    if said:
        certificate.last_error, certificate.last_error_at = f"{said} {detail}".strip(), timezone.now()
    certificate.save()
    audit.record(
        audit.Event.CERTIFICATE_REFUSED,
        actor=None,
        subject=certificate.token,
        certificate=str(certificate.pk),
        code=failure.code,
        **failure.facts,
    )
    fail_request(certificate.token, failure)


def fail_request(token: SoftwareToken, failure: Failure) -> None:
    """Fail the request of a locked token, if both are being issued.

    A token of an earlier round, or one that was cancelled alone, does not end what goes on without it.
    """
    if token.request.state == RequestState.ISSUING and token.state == TokenState.ISSUING:
        _fail(token.request, failure)


def _fail(request: TokenRequest, failure: Failure) -> None:
    """Fail a locked request that is being issued, and mail its person; suspend it if they have changed."""
    request.fail(code=failure.code, facts=failure.facts)
    request.save()
    if request.person.is_active:
        outbox.enqueue(request_messages.issuance_failed(request, why=for_the_person(request)))
    audit.record(audit.Event.REQUEST_FAILED, actor=None, subject=request, code=failure.code, **failure.facts)
    suspension.suspends(request, locking.lines_of(request))
