"""Placing of the batch orders of a standing order: joiners are enabled, leavers lose the token by its rule.

One plan is one transaction, and members are marked with the id of their batch order, so that a plan that is
repeated, also after a crash, places nothing twice.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    BatchKind,
    BatchLine,
    BatchOrder,
    BatchSource,
    CertificatePurpose,
    ChosenAs,
    LineOutcome,
    MemberStep,
    Person,
    PersonState,
    RenewalNotice,
    SoftwareToken,
    StandingMember,
    StandingOrder,
    StandingPlacement,
    TokenRequest,
    TokenState,
    TokenType,
)
from identity_manager.models.batch.order import ENDED
from identity_manager.models.identifiers import new_id
from identity_manager.models.requests.states import BEFORE_ISSUED, SUCCEEDING
from identity_manager.models.standing_orders.order import LossRule
from identity_manager.workflow.batch import placing
from identity_manager.workflow.batch.placing import BatchOrderInput
from identity_manager.workflow.standing_orders import outcomes
from identity_manager.workflow.standing_orders.outcomes import MemberOutcome

RETRY = timedelta(days=1)  # after a batch order could not ask for a member
PER_TRANSACTION = 1000
PER_READ = 2000


class Moved(Exception):  # noqa: N818 an answer, not a fault
    """The members have changed beyond what the breaker counted; nothing is placed."""


def store_results(order: StandingOrder, now: datetime) -> None:
    """Store the result of ended batch orders on their members: given a request, or to be retried."""
    placed = StandingMember.objects.present().filter(order=order, step=MemberStep.PLACED)
    lines = BatchLine.objects.filter(order=OuterRef("gain"), person=OuterRef("person"))
    placed.filter(Exists(lines.exclude(request=None))).update(step=MemberStep.GIVEN)
    ended = BatchOrder.objects.filter(standing_placement__order=order, state__in=ENDED)
    placed.filter(gain__in=ended.values("pk")).update(step=MemberStep.NEW, gain=None, retry_at=now + RETRY)


def new_members(order: StandingOrder) -> QuerySet[Person]:
    """Active members without an open episode (StandingMember)."""
    known = StandingMember.objects.present().filter(order=order, person=OuterRef("pk"))
    return outcomes.members(order).filter(~Exists(known), state=PersonState.ACTIVE)


def add_members(order: StandingOrder, persons: list[uuid.UUID], now: datetime) -> None:
    """Insert an episode for each member, unless one is open."""
    before = StandingMember.objects.filter(order=order, person__in=persons).order_by("episode")
    last = dict(before.values_list("person", "episode"))
    rows = [
        StandingMember(order=order, person_id=each, episode=last.get(each, 0) + 1, since=now)
        for each in persons
    ]
    StandingMember.objects.bulk_create(rows, ignore_conflicts=True)


def place(order: StandingOrder, token_type: TokenType, figures: dict[str, int], now: datetime) -> int:
    """Place the batch orders of a plan, in the transaction of the caller, who has locked it; return how many.

    Raises Moved.
    """
    lost = _end_members(order, figures, now)
    given = _mark_gains(order, token_type, figures, now)
    placed = [
        *_gains(order, token_type, given),
        *_losses(order, token_type, lost),
        *_late_losses(order, token_type),
        *_reinstatements(order),
    ]
    StandingPlacement.objects.bulk_create(
        StandingPlacement(order=order, batch=each, placed_at=now) for each in placed
    )
    return len(placed)


def _end_members(order: StandingOrder, figures: dict[str, int], now: datetime) -> uuid.UUID:
    batch = new_id()
    losing = outcomes.former_members_losing_it(order).order_by().values("pk")
    number = outcomes.former_members(order).filter(person__in=losing).update(until=now, loss=batch)
    if number > figures["lose"]:
        raise Moved
    outcomes.former_members(order).update(until=now)
    return batch


def _mark_gains(
    order: StandingOrder, token_type: TokenType, figures: dict[str, int], now: datetime
) -> uuid.UUID:
    """Mark members to be enabled as PLACED, and those with a token or request as GIVEN."""
    batch = new_id()
    rows = StandingMember.objects.present().filter(order=order, step=MemberStep.NEW)
    found = outcomes.with_outcome(order, token_type, now).order_by()
    gaining = found.filter(outcome=MemberOutcome.GAIN).values("pk")
    number = rows.filter(person__in=gaining).update(step=MemberStep.PLACED, gain=batch, retry_at=None)
    if number > figures["gain"]:
        raise Moved
    having = found.filter(outcome__in=(MemberOutcome.HAS, MemberOutcome.ASKED)).values("pk")
    rows.filter(person__in=having).update(step=MemberStep.GIVEN)
    return batch


def _gains(order: StandingOrder, token_type: TokenType, batch: uuid.UUID) -> list[BatchOrder]:
    rows = StandingMember.objects.filter(order=order, gain=batch).order_by("pk")
    wanted = {"kind": BatchKind.ENABLE, "types": [token_type.pk], "purpose": order.purpose}
    return _placed(order, batch, rows.values_list("person", flat=True), **wanted)


def _losses(order: StandingOrder, token_type: TokenType, batch: uuid.UUID) -> list[BatchOrder]:
    """Place orders that end leavers' tokens by the rule, and cancel their requests that are not issued."""
    left = StandingMember.objects.filter(order=order, loss=batch).order_by().values("person")
    requests = _requests_of_others(order) | _renewals(order, left)
    placed = _placed(
        *(order, new_id(), requests.order_by("pk").values_list("pk", flat=True)),
        kind=BatchKind.CANCEL,
        chosen_as=ChosenAs.REQUESTS,
        note=_note(order),
    )
    tokens = SoftwareToken.objects.filter(person__in=left, type_code=order.type_code).in_use()
    if order.loss_rule == LossRule.RUN_OUT:
        RenewalNotice.objects.unanswered().filter(token__in=tokens.order_by().values("pk")).delete()
        return placed
    return placed + _taken(order, batch, tokens, token_type)


def _late_losses(order: StandingOrder, token_type: TokenType) -> list[BatchOrder]:
    """Place an order that ends tokens which leavers had asked for before they left, and got afterwards.

    They are of a renewal or replacement together with another type, which is not cancelled, or of a request
    that was issued before its cancellation. Who was a member after that is handled by that membership. Each
    token is taken once: an officer who reinstates it decides so.
    """
    if order.loss_rule == LossRule.RUN_OUT:
        return []
    left = StandingMember.objects.filter(order=order, person=OuterRef("person")).exclude(loss=None)
    meanwhile = left.filter(until__gt=OuterRef("created_at"), until__lte=OuterRef("sealed_at"))
    lines = BatchLine.objects.filter(order__standing_placement__order=order, order__kind=order.loss_rule)
    theirs = StandingMember.objects.filter(person=OuterRef("person"), order__type_code=order.type_code)
    since = theirs.filter(Q(until=None) | Q(until__gt=OuterRef("sealed_at")))
    own = BatchLine.objects.filter(order__standing_placement__order=order).exclude(request=None)
    late = SoftwareToken.objects.filter(
        Q(kind__in=SUCCEEDING) | Q(Exists(own.filter(request=OuterRef("request")))),
        Exists(meanwhile),
        ~Exists(since),
        ~Exists(lines.filter(token=OuterRef("pk"))),
        type_code=order.type_code,
    )
    return _taken(order, new_id(), late.in_use(), token_type)


def _taken(
    order: StandingOrder, batch: uuid.UUID, tokens: QuerySet[SoftwareToken], token_type: TokenType
) -> list[BatchOrder]:
    """Place the order that revokes these tokens, or puts them on hold, by the rule."""
    kind = BatchKind(order.loss_rule)
    if kind == BatchKind.HOLD:
        tokens = tokens.exclude(state=TokenState.ON_HOLD)
    keys = tokens.order_by("pk").values_list("pk", flat=True)
    more = {"chosen_as": ChosenAs.TOKENS, "note": _note(order), "options": _revocation(token_type)}
    return _placed(order, batch, keys, kind=kind, **more)


def _note(order: StandingOrder) -> str:
    words = {"who": order.who, "name": order.name}
    return _("No longer a member of %(who)s (standing order %(name)s).") % words


def _requests_of_others(order: StandingOrder) -> QuerySet[TokenRequest]:
    """Requests of this order, not issued yet, of persons who are no members.

    Not those that it has had cancelled since they left an order for the type last: each is tried once.
    """
    lines = BatchLine.objects.filter(order__standing_placement__order=order).order_by()
    theirs = {"person": OuterRef("person")}
    rows = TokenRequest.objects.filter(
        state__in=BEFORE_ISSUED, pk__in=lines.exclude(request=None).values("request")
    )
    left = StandingMember.objects.filter(order__type_code=order.type_code, person=OuterRef("about__person"))
    last = left.exclude(until=None).order_by("-until").values("until")[:1]
    return rows.filter(
        ~Exists(StandingMember.objects.present().filter(order=order, **theirs)),
        ~Exists(outcomes.covered_otherwise(order).filter(**theirs)),
        outcomes.not_joining(order, "person"),
        ~Exists(lines.filter(about=OuterRef("pk"), order__asked_at__gte=Subquery(last))),
    )


def _renewals(order: StandingOrder, left: QuerySet[Any]) -> QuerySet[TokenRequest]:
    """Renewals and replacements of the type, not issued yet, of these persons, whoever opened them."""
    others = SoftwareToken.objects.filter(request=OuterRef("pk")).exclude(type_code=order.type_code)
    rows = TokenRequest.objects.filter(kind__in=SUCCEEDING, state__in=BEFORE_ISSUED, person__in=left)
    return rows.filter(~Exists(others))


def _revocation(token_type: TokenType) -> dict[str, Any]:
    """Options of the revocation: encryption certificates are kept, unless the type has no others."""
    purposes = {each.purpose for each in token_type.ordered_profiles()}
    encryption = purposes == {CertificatePurpose.ENCRYPTION}
    return {"reason": RevocationReason.PRIVILEGE_WITHDRAWN.value, "encryption": encryption}


def _reinstatements(order: StandingOrder) -> list[BatchOrder]:
    """Place an order that reinstates tokens of returned members which this order put on hold.

    A hold that is younger than the order's is another one: an officer's, a leave's, or for want of an
    acceptance.
    """
    batch = new_id()
    held = BatchLine.objects.filter(
        order__standing_placement__order=order, order__kind=BatchKind.HOLD, outcome=LineOutcome.DONE
    )
    this_hold = held.filter(token=OuterRef("pk"), settled_at__gte=OuterRef("held_at"))
    tokens = SoftwareToken.objects.filter(Exists(this_hold), state=TokenState.ON_HOLD)
    back = StandingMember.objects.present().filter(order=order, episode__gt=1, gain=None)
    back.filter(person__in=tokens.order_by().values("person")).update(gain=batch)
    again = StandingMember.objects.filter(order=order, gain=batch).order_by().values("person")
    keys = tokens.filter(person__in=again).order_by("pk").values_list("pk", flat=True)
    return _placed(order, batch, keys, kind=BatchKind.REINSTATE, chosen_as=ChosenAs.TOKENS)


def _placed(order: StandingOrder, batch: uuid.UUID, keys: Any, **wanted: Any) -> list[BatchOrder]:
    """Place a batch order over these keys and return it; none where there are no keys."""
    if order.asked_by is None or not keys[:1]:
        return []
    chosen: Iterable[str] = (str(key) for key in keys.iterator(chunk_size=PER_READ))
    cause = f"standing order: {order.name}"
    what = BatchOrderInput(source=BatchSource.CODE, chosen=chosen, cause=cause, **wanted)
    return [placing.place_order(actor=order.asked_by, order_id=batch, wanted=what)]
