"""Step 1, replacement: tokens are revoked at once, and new ones of their types are asked for.

PstmProcReplaceSofttokenUSSP and PstmSubProcReplaceSofttokenUSSP of Nexus. The person asks here, or an
administrator for them. The revocation stands, even if the request is rejected, declined or lapses.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_fields

from django.db import transaction
from django.utils import timezone

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    Person,
    ReplacementCause,
    RequestOrigin,
    RequestState,
    Role,
    SoftwareToken,
    TermsText,
    TokenRequest,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, Stale, refuse, require
from identity_manager.workflow import step4_accept
from identity_manager.workflow.policy import devices, eligibility, purpose
from identity_manager.workflow.policy.eligibility import TypeChoice
from identity_manager.workflow.renewal import policy as renewal_policy
from identity_manager.workflow.replacement import policy
from identity_manager.workflow.requests import opening
from identity_manager.workflow.revocation import revoke, revoke_all


@dataclass(frozen=True)
class ReplacementOrder:
    """Tokens to be replaced, and the cause.

    only: one token; None for all. shown: the tokens that the page named, so that a stale page revokes no
    others; None without a page. encryption: encryption certificates to revoke as well. terms_shown: the texts
    that the page named as accepted before. of_batch: part of a batch order, whose approvers get one mail.
    """

    cause: ReplacementCause
    only: uuid.UUID | None = None
    shown: Collection[uuid.UUID] | None = None
    encryption: Collection[uuid.UUID] = ()
    terms_shown: Collection[uuid.UUID] = ()
    of_batch: bool = False


@dataclass(frozen=True)
class Replacement:
    """The revoked tokens, and the request for new ones; None if none of their types can be issued."""

    ended: Sequence[SoftwareToken]
    request: TokenRequest | None


def replace(*, actor: Person, order: ReplacementOrder) -> Replacement:
    """Revoke the actor's own tokens and request new ones (**Replace softtoken**).

    If the page named all terms of the types as accepted before, and no approval is needed, issuance starts at
    once; else the person accepts the terms. Raises NotAllowed, NotPossible, or Stale if the tokens are no
    longer those of the page.
    """
    with transaction.atomic():
        person = locking.person(actor.pk)
        refuse(eligibility.person_obstacle(person))
        self_service = person.has_role(Role.SELF_SERVICE_USER)
        require(self_service, else_=eligibility.NOT_SELF_SERVICE_USER, kind=NotAllowed)

        return _replace(opening.Origin(person, person, RequestOrigin.SELF_SERVICE), order)


def replace_for(*, actor: Person, person_id: uuid.UUID, order: ReplacementOrder) -> Replacement:
    """Replace a person's tokens, by a Software Token Administrator; the person accepts the terms.

    Raises as replace() does.
    """
    with transaction.atomic():
        person = locking.person(person_id)
        administers = eligibility.administers(actor, person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(eligibility.code_obstacle(actor, person), kind=NotAllowed)
        refuse(eligibility.person_obstacle(person))

        return _replace(opening.Origin(actor, person, RequestOrigin.ADMINISTRATOR), order)


def _replace(asking: opening.Origin, order: ReplacementOrder) -> Replacement:
    """Revoke the tokens and open the request, in the caller's transaction, which has locked the person."""
    rows = policy.replaceable(asking.person, only=order.only)
    require(rows.in_use().exists(), else_=policy.NOTHING_TO_REPLACE, kind=Stale)
    tokens = set(rows.values_list("pk", flat=True))
    _check(order, tokens)
    own = asking.origin == RequestOrigin.SELF_SERVICE
    choices = policy.choices(asking.person, tokens, own=own)
    reason = policy.REVOCATION_REASONS[order.cause]
    ended = revoke_all.end_each(rows, reason=reason, actor=asking.actor, also=order.encryption)
    require(ended, else_=revoke.ONLY_ENCRYPTION, field="encryption")

    gone = {token.pk for token in ended}
    available = [each for each in choices if each.available and each.renews and each.renews.token_id in gone]
    request = _ask_anew(asking, available, order) if available else None
    _tell(asking, order, Replacement(ended, request))
    return Replacement(ended, request)


def _check(order: ReplacementOrder, tokens: Collection[uuid.UUID]) -> None:
    same = order.shown is None or set(order.shown) == tokens
    require(same, else_=policy.OTHER_TOKENS, kind=Stale)
    of_one = order.only is not None or order.cause != ReplacementCause.FORGOTTEN
    require(of_one, else_=policy.ONLY_ONE, field="cause")


def _ask_anew(asking: opening.Origin, choices: Sequence[TypeChoice], order: ReplacementOrder) -> TokenRequest:
    """Open the request for new tokens; start issuance if the person has accepted its terms again."""
    predecessors = opening.predecessors_of(choices)
    known = opening.BatchContext(predecessors=predecessors, of_batch=order.of_batch)
    types = [choice.token_type for choice in choices]
    said = replace_fields(asking, purpose=str(order.cause.label) if purpose.is_asked(types) else "")
    prepared = opening.prepare_request(said, choices, known)
    on = devices.without_asking(prepared.lines)
    texts = [] if on is None else _accepted_again(asking, prepared, order)
    prepared.request.devices = (on or "") if texts else ""
    if texts:
        prepared.mails.clear()  # no invitation: the terms are accepted already
    opening.write_requests([prepared], by_sweep=order.of_batch)
    request = locking.request(prepared.request.pk)
    if texts:
        step4_accept.begin(request, locking.lines_of(request), texts)
    return request


def _accepted_again(
    asking: opening.Origin, prepared: opening.PreparedRequest, order: ReplacementOrder
) -> list[TermsText]:
    """The terms that the person accepts again by replacing; empty if there is a new version to read."""
    own = asking.origin == RequestOrigin.SELF_SERVICE
    if not own or prepared.request.state != RequestState.AWAITING_ACCEPTANCE:
        return []
    texts = renewal_policy.terms_that_stand(prepared.lines)
    return texts if {text.pk for text in texts} <= set(order.terms_shown) else []


def _tell(asking: opening.Origin, order: ReplacementOrder, replacement: Replacement) -> None:
    outbox.enqueue(
        token_messages.tokens_replaced(
            asking.person,
            tokens=replacement.ended,
            cause=order.cause.label,
            lines=list(replacement.request.tokens.all()) if replacement.request else [],
            moment=timezone.now(),
        )
    )
    audit.record(
        audit.Event.REPLACEMENT_ASKED,
        actor=asking.actor,
        subject=replacement.request or asking.person,
        cause=order.cause.value,
        tokens=[str(token.pk) for token in replacement.ended],
    )
