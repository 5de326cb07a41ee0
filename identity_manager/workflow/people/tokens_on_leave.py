"""Tokens of leavers: revoke, hold, or let run out, by the rule of the type (docs/how-to/token-types.md).

The rule of the type's version in force counts, so that a change applies to older tokens; if no version is in
force, that of the token's own version. Tokens without type (imported, recovered) have the defaults.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    EndingRule,
    EndReason,
    Leave,
    Person,
    SoftwareToken,
    TokenState,
    TokenType,
)
from identity_manager.models.requests.token_states import DELIVERABLE, IN_USE, MAY_LIVE_ON
from identity_manager.transactions import locking
from identity_manager.workflow.revocation import hold, revoke


@dataclass
class LeaveEffect:
    """Numbers of tokens in use that were put on hold, revoked, or left to run out."""

    held: int = 0
    revoked: int = 0
    left: int = 0


def rule_of_leave(token: SoftwareToken) -> EndingRule:
    """The token's rule when its holder becomes Inactive. A token that is not issued yet waits."""
    if token.state == TokenState.ISSUING:
        return EndingRule.HOLD
    kind = _type_in_force(token)
    rule = EndingRule(kind.on_leave) if kind else EndingRule.HOLD
    return EndingRule.HOLD if rule == EndingRule.RUN_OUT and _is_on_its_way(token) else rule


def rule_of_lock(token: SoftwareToken, *, reason: RevocationReason) -> EndingRule:
    """The token's rule when its holder is Locked. After a key compromise it is always revoked."""
    if reason == RevocationReason.KEY_COMPROMISE or _is_on_its_way(token):
        return EndingRule.REVOKE
    kind = _type_in_force(token)
    return EndingRule(kind.on_lock) if kind else EndingRule.REVOKE


def begin_leave(person: Person, *, leave: Leave, actor: Person | None) -> LeaveEffect:
    """Apply the rules to the tokens of a locked row of a person who becomes Inactive.

    Stores on the leave which certificates it put on hold.
    """
    outcome, held = LeaveEffect(), list[uuid.UUID]()
    for token in tokens_of(person, TokenState.ISSUING, *IN_USE, *MAY_LIVE_ON):
        rule = rule_of_leave(token)
        counts = token.is_in_use
        if rule == EndingRule.REVOKE:
            revoke.end_token(token, reason=RevocationReason.CESSATION_OF_OPERATION, actor=actor)
            outcome.revoked += counts
        elif rule == EndingRule.RUN_OUT:
            outcome.left += token.state == TokenState.ACTIVE
        elif token.state in DELIVERABLE:
            held += hold.hold_token(token, leave=leave, actor=actor, reason="")
            outcome.held += 1
        elif token.state != TokenState.ON_HOLD:
            held += hold.hold_certificates(token)
    leave.held_certificates = [str(pk) for pk in held]
    leave.save(update_fields=["held_certificates"])
    return outcome


def end_for_good(person: Person, *, actor: Person | None, reason: RevocationReason) -> LeaveEffect:
    """Apply the rules to the tokens of a locked row of a person who is Locked. No hold is released."""
    outcome = LeaveEffect()
    for token in tokens_of(person, *IN_USE, *MAY_LIVE_ON):
        rule = rule_of_lock(token, reason=reason)
        counts = token.is_in_use
        if rule == EndingRule.REVOKE:
            revoke.end_token(token, reason=reason, actor=actor)
            outcome.revoked += counts
        elif rule == EndingRule.RUN_OUT:
            outcome.left += counts
        elif token.state == TokenState.ACTIVE:
            hold.hold_token(token, leave=None, actor=actor, reason=EndReason.LOCKED)
            outcome.held += 1
        else:
            hold.hold_certificates(token)
            outcome.held += counts
    return outcome


def foreseen(person: Person, rule_of: Callable[[SoftwareToken], EndingRule]) -> LeaveEffect:
    """The outcome for the person's tokens in use, for a confirmation page."""
    outcome = LeaveEffect()
    for token in SoftwareToken.objects.filter(person=person, state__in=IN_USE).select_related("token_type"):
        rule = rule_of(token)
        outcome.revoked += rule == EndingRule.REVOKE
        outcome.held += rule == EndingRule.HOLD and token.state != TokenState.ON_HOLD
        outcome.left += rule == EndingRule.RUN_OUT and token.state == TokenState.ACTIVE
    return outcome


def tokens_of(person: Person, *states: TokenState) -> Iterator[SoftwareToken]:
    """Lock and yield the person's tokens in these states; of ended ones, those with living certificates."""
    for pk in _keys(person, states):
        yield locking.token(pk)


def _keys(person: Person, states: tuple[TokenState, ...]) -> list[uuid.UUID]:
    rows = SoftwareToken.objects.filter(person=person, state__in=states)
    rows = rows.exclude(state__in=MAY_LIVE_ON) | rows.living_on()
    return list(rows.order_by("request_id", "pk").values_list("pk", flat=True))


def _is_on_its_way(token: SoftwareToken) -> bool:
    """Whether the token is an open line without an acknowledged passphrase, so that it is not in use."""
    return token.state == TokenState.SEALED or (token.state == TokenState.ON_HOLD and token.is_open)


def _type_in_force(token: SoftwareToken) -> TokenType | None:
    if token.token_type_id is None:
        return None
    return TokenType.objects.active().filter(code=token.type_code).first() or token.token_type
