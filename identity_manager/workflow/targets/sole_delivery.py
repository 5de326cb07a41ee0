"""Delivery by targets alone: a token without file and passphrase, whose keys go to its targets only.

There is no other copy of the keys, so the token is sealed only if every key can be sealed for every target.
It is delivered once all keys have arrived. Keys wait for a target that is switched off.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.state_machine import save_many
from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    Certificate,
    DeliveryState,
    Placement,
    PlacementState,
    SoftwareToken,
    TargetUse,
    TokenRequest,
    TokenState,
    TokenType,
)
from identity_manager.models.lease import ERRORS
from identity_manager.models.requests.certificate_states import NOT_ENDED
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.targets import connectors
from identity_manager.targets.keys_stay import of_another_kind
from identity_manager.transactions import locking, retry_later
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow import completion
from identity_manager.workflow.targets import handover, planning
from identity_manager.workflow.targets.handover import Parcel
from identity_manager.workflow.terms import accepted

AT_ONCE = 1000  # tokens per run of the job
ON_ITS_WAY = {"delivery": DeliveryState.TO_TARGETS, "state__in": IN_USE}
ARRIVED = (PlacementState.THERE, PlacementState.FOREIGN)
NO_TARGET = Reason(
    "no-target-switched-on",
    _(
        "No target that takes the keys of this type is switched on, and the token has no other way to its"
        " person. It goes on by itself once two System Administrators have switched one on, or once a version"
        " of the type is in force that also delivers by mail."
    ),
)
TERMS_NAME_NONE = Reason(
    "terms-name-no-target",
    _("The terms that the person accepted name none of the targets that get the keys. Cancel the request."),
)
CHANGED_MEANWHILE = Reason(
    "targets-changed-meanwhile", _("The targets of the type have just changed: the keys are sealed anew.")
)

IS_OFF = _(
    "The target is switched off for the type, and this key waits for it: there is no other copy. Two"
    " System Administrators can switch it on again; if the token is revoked instead, the key is erased."
)
IS_REMOVED = _(
    "The settings have no such target any more, and this key waits for it. It goes on if the settings have it"
    " again; if the token is revoked instead, the key is erased."
)
IS_PARKED = _(
    "Nobody knows whether the key arrived. There is no other copy, so it is kept until the target itself has"
    " answered: a System Administrator has it put there again, on the page of the target."
)
IS_LEFT_IN_DOUBT = _(
    "The settings have no such target any more, and nobody knows whether this key arrived there. It goes on"
    " if the settings have it again, or if a System Administrator says on its page that it is not there; if"
    " the token is revoked instead, the key is erased."
)


def is_sole(token: SoftwareToken) -> bool:
    """Whether targets alone deliver the token: by its own type version, and by the one in force, if any.

    For a sealed token the stored decision counts.
    """
    if token.sealed_at is not None:
        return token.is_by_targets
    if not token.required_type.targets_alone:
        return False
    in_force = TokenType.objects.active().filter(code=token.type_code)
    return in_force.values_list("targets_alone", flat=True).first() is not False


def obstacle(parcels: Sequence[Parcel], token: SoftwareToken, given: Iterable[Certificate]) -> Reason | None:
    """Why a locked token that targets alone deliver cannot be sealed now, or None. Sealing is retried."""
    uses = list(handover.uses_of(token.type_code).select_related("target"))
    if not uses:
        return NO_TARGET
    version = accepted.version_of(token)
    named = version.names_key_holders if version else []
    ours = [use for use in uses if settings.TARGETS[use.target.name].kind in named]
    if not ours:
        return TERMS_NAME_NONE
    prepared = {(parcel.use_id, parcel.row.certificate_id): parcel for parcel in parcels}
    wanted = [prepared.get((use.pk, row.pk)) for use in ours for row in given]
    if None in wanted:
        return CHANGED_MEANWHILE
    refused = [each.row.last_error for each in wanted if each and each.row.parcel_wrapped is None]
    return Reason("target-cannot-take-key", refused[0]) if refused else None


def arrived() -> QuerySet[SoftwareToken]:
    """Tokens on their way to targets whose keys, of certificates that have not ended, have all arrived.

    A target that is switched off, or not in the settings any more, is not waited for, unless it may have the
    key (*intended* or *parked*) or no other target has it.
    """
    of_token = Placement.objects.filter(carries_key=True, certificate__token=OuterRef("pk")).order_by()
    of_certificate = Placement.objects.filter(carries_key=True, certificate=OuterRef("pk")).order_by()
    living = Certificate.objects.filter(token=OuterRef("pk"), state__in=NOT_ENDED).order_by()
    wanted = living.filter(left_out_at=None, revocation_decided_at=None)
    missing = wanted.filter(~Exists(of_certificate.filter(state__in=ARRIVED)))
    on_its_way = of_token.filter(_is_switched_on() | _may_be_there(), parcel_wrapped__isnull=False)
    rows = SoftwareToken.objects.filter(**ON_ITS_WAY)
    return rows.filter(Exists(of_token.filter(state__in=ARRIVED)), ~Exists(missing), ~Exists(on_its_way))


def _is_switched_on() -> Q:
    """Condition: the target is in the settings and switched on for the token type."""
    uses = TargetUse.objects.in_force().filter(target__name__in=connectors.takers_of_keys()).order_by()
    mine = uses.filter(target=OuterRef("target"), type_code=OuterRef("certificate__token__type_code"))
    return Q(Exists(mine))


def _may_be_there() -> Q:
    return Q(state__in=(PlacementState.INTENDED, PlacementState.PARKED))


def lock_parents(placement_ids: Collection[uuid.UUID]) -> list[SoftwareToken]:
    """Lock the tokens on their way to targets that own these placements, with person and request.

    Call it before the placements are locked (lock order: person, request, token, placement).
    """
    rows = SoftwareToken.objects.filter(
        delivery=DeliveryState.TO_TARGETS, certificates__placements__in=list(placement_ids)
    )
    found = set(rows.order_by().values_list("pk", flat=True)) if placement_ids else ()
    return locking.tokens(found) if found else []


def arrive(tokens: Iterable[SoftwareToken]) -> None:
    """Set those of these locked tokens to delivered whose keys have arrived; enqueue their mails."""
    mine = {token.pk: token for token in tokens}
    if not mine:
        return
    found = [mine[pk] for pk in arrived().filter(pk__in=mine).order_by("pk").values_list("pk", flat=True)]
    if not found:
        return
    for token in found:
        token.arrive_at_targets(now=timezone.now())
    save_many(found)
    holders = _holders(found)
    outbox.enqueue_new(token_messages.at_targets(token, targets=holders[token.pk]) for token in found)
    audit.append(
        [audit.event_about(audit.Event.TOKEN_AT_TARGETS, actor=None, subject=token) for token in found]
    )
    for token in found:
        completion.activate_if_delivered_and_noted(token)
        planning.review_later(token.pk)  # certificates were held back until now


def _holders(tokens: Collection[SoftwareToken]) -> dict[uuid.UUID, list[str]]:
    """Kinds of the targets that have the keys, by token; the name if a target is not in the settings."""
    there = Placement.objects.filter(certificate__token__in=tokens, carries_key=True, state__in=ARRIVED)
    names = there.order_by("target__name").values_list("certificate__token", "target__name")
    found: dict[uuid.UUID, list[str]] = {token.pk: [] for token in tokens}
    for token_id, name in names:
        kind = settings.TARGETS[name].kind if name in settings.TARGETS else name
        if kind not in found[token_id]:
            found[token_id].append(kind)
    return found


def arrive_late() -> int:
    """Job: deliver tokens that have arrived because the target they waited for was switched off.

    Returns how many.
    """
    return retry_later.for_each_isolated(
        list(arrived().order_by().values_list("pk", flat=True)[:AT_ONCE]), _arrive
    )


def _arrive(token_id: uuid.UUID) -> bool:
    with transaction.atomic():
        token = locking.token(token_id)
        arrive([token])
        return token.delivery == DeliveryState.AT_TARGETS


def stuck() -> QuerySet[SoftwareToken]:
    """Tokens that targets alone deliver and that need an officer.

    Sealing failed, or a target refused a key, has no account for the person, is switched off, is not in the
    settings, or it is unknown whether it has the key (parked). What waits for a key service is not stuck.
    """
    waiting = Placement.objects.filter(
        carries_key=True, certificate__token=OuterRef("pk"), parcel_wrapped__isnull=False
    ).order_by()
    parted = Q(state=PlacementState.PARKED) | ~Q(last_error__in=("", *ERRORS)) | ~_is_switched_on()
    on_their_way = _on_their_way().filter(Exists(waiting.filter(parted)))
    # UNION, because each part has a partial index: with OR the databases would scan all tokens.
    return SoftwareToken.objects.filter(pk__in=_not_sealed().values("pk").union(on_their_way.values("pk")))


def _not_sealed() -> QuerySet[SoftwareToken]:
    unsealed = SoftwareToken.objects.order_by().filter(
        state=TokenState.ISSUING, token_type__targets_alone=True, next_attempt_at__isnull=False
    )
    return unsealed.exclude(last_error="")


def _on_their_way() -> QuerySet[SoftwareToken]:
    return SoftwareToken.objects.order_by().filter(**ON_ITS_WAY)


STUCK_AMONG = (_not_sealed, _on_their_way)  # whatever the settings say of the targets


class UndeliveredKey(NamedTuple):
    """A key that has not arrived at its target. words: the reason."""

    placement: Placement
    words: str


def troubles(request: TokenRequest) -> Iterator[UndeliveredKey]:
    """Yield keys of the request's tokens that cannot go to their only targets now, with the reason."""
    rows = Placement.objects.only_copies().filter(certificate__token__request=request)
    off = set(rows.filter(~_is_switched_on()).values_list("pk", flat=True))
    for row in rows.select_related("target").defer("parcel_wrapped").order_by("target__name", "pk"):
        words = _trouble(row, is_off=row.pk in off)
        if words:
            yield UndeliveredKey(row, words)


def _trouble(row: Placement, *, is_off: bool) -> str:
    if row.state == PlacementState.PARKED:
        return str(IS_PARKED)
    configuration = connectors.configuration_of(row.target.name)
    if configuration is None:
        return str(IS_LEFT_IN_DOUBT if row.is_in_doubt else IS_REMOVED)
    if not configuration.takes_keys:
        return of_another_kind().words
    return str(IS_OFF if is_off else row.error_in_words or row.target.error_in_words)
