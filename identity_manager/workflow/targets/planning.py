"""Outbox of targets: a placement per certificate and target, saved in the transaction that seals the token.

The desired state is one query, PlacementQuerySet.to_be_published. A task evaluates it again after each verb
that may change it, and a job does so for all placements every few minutes, so that a lost message has no
effect.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from ca_bridge.database.state_machine import save_many
from identity_manager import queue, task_names
from identity_manager.catalogue import mail_keys
from identity_manager.models import (
    Certificate,
    CertificateProfile,
    CertificatePurpose,
    CertificateState,
    HoldBack,
    Placement,
    SoftwareToken,
    TargetUse,
)
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.targets import connectors
from identity_manager.targets.configuration import SIGN_IN
from identity_manager.transactions import locking
from identity_manager.workflow.targets import handover


def signs_in(profile: CertificateProfile) -> bool:
    """Whether certificates of this profile are for signing in."""
    return profile.purpose == CertificatePurpose.AUTHENTICATION


def takes(target: str, profile: CertificateProfile) -> bool:
    """Whether certificates of this profile go to the target; False if it is not in the settings any more."""
    configuration = connectors.configuration_of(target)
    if configuration is None:
        return False
    return signs_in(profile) if configuration.kind == SIGN_IN else mail_keys.encrypts_mail(profile)


def plan(certificates: Iterable[Certificate]) -> None:
    """Create a placement of each certificate for each target of its type, in the caller's transaction.

    certificates: of the tokens that the caller seals.
    """
    if not settings.TARGETS:
        return
    rows = list(certificates)
    _plan(rows, publishing_uses().filter(type_code__in={row.token.type_code for row in rows}))


def publishing_uses() -> models.QuerySet[TargetUse]:
    """Target uses in force, of targets without keys; handover.py creates the placements with keys."""
    uses = TargetUse.objects.in_force().exclude(target__name__in=connectors.takers_of_keys())
    return uses.select_related("target")


def _plan(rows: Sequence[Certificate], uses: Iterable[TargetUse]) -> None:
    now, new = timezone.now(), list[Placement]()
    for use in uses:
        for row in rows:
            if row.token.type_code == use.type_code and takes(use.target.name, row.profile):
                at_once = use.hold_back == HoldBack.ISSUED and not row.token.is_by_targets  # before its key
                due = now if at_once else None
                new.append(
                    Placement(target_id=use.target_id, certificate=row, wanted=at_once, next_attempt_at=due)
                )
    Placement.objects.bulk_create(new, ignore_conflicts=True)
    for target_id in {row.target_id for row in new if row.wanted}:
        queue.after_commit(task_names.SERVE_TARGET, target_id)


def review_later(token_id: uuid.UUID) -> None:
    """Enqueue a review of the token's placements, after the caller's transaction commits."""
    if settings.TARGETS:
        queue.after_commit(task_names.REVIEW_PLACEMENTS, token_id)


def review_token(*, token_id: uuid.UUID) -> None:
    """Review all placements of this token."""
    review(Placement.objects.filter(certificate__token=token_id).values_list("pk", flat=True))


def review(placement_ids: Iterable[uuid.UUID]) -> int:
    """Compare `wanted` of these placements with the desired state; make those due that differ.

    Returns how many differed. Erases parcels that will never be handed over.
    """
    with transaction.atomic():
        rows = locking.placements(placement_ids)
        changed = _differing(rows, timezone.now())
        needless = handover.erase_needless(rows) if rows else []
        save_many(list({row.pk: row for row in (*changed, *needless)}.values()))
        for target_id in {row.target_id for row in changed if row.next_attempt_at is not None}:
            queue.after_commit(task_names.SERVE_TARGET, target_id)
    return len(changed)


def _differing(rows: Sequence[Placement], now: datetime) -> list[Placement]:
    asked = Placement.objects.filter(pk__in=[row.pk for row in rows])
    wanted: Collection[uuid.UUID] = (
        set(asked.to_be_published(now).values_list("pk", flat=True)) if rows else ()
    )
    changed = [row for row in rows if row.wanted != (row.pk in wanted)]
    for row in changed:
        row.wanted = not row.wanted
        row.make_due(now)
    return changed


def plan_existing(use_id: uuid.UUID, token_ids: Iterable[uuid.UUID]) -> int:
    """Create placements for tokens that were sealed before the target was switched on for their type."""
    with transaction.atomic():
        use = publishing_uses().filter(pk=use_id).first()
        if use is None:
            return 0
        there = Placement.objects.filter(target=use.target_id, certificate=OuterRef("pk"))
        rows = Certificate.objects.filter(
            ~Exists(there), token__in=list(token_ids), state=CertificateState.VALID
        )
        certificates = rows.select_related("token", "profile")
        new = [
            Placement(target_id=use.target_id, certificate=row)
            for row in certificates
            if takes(use.target.name, row.profile)
        ]
        Placement.objects.bulk_create(new, ignore_conflicts=True)
        return review(row.pk for row in new)


def tokens_of(use: TargetUse) -> models.QuerySet[SoftwareToken]:
    """Tokens of the type that are in use."""
    return SoftwareToken.objects.filter(type_code=use.type_code, state__in=IN_USE)
