"""Confirmation of installation: the person names the devices with the token, or withdraws one."""

import uuid
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import (
    DeviceKind,
    Installation,
    InstallationNotice,
    Person,
    SoftwareToken,
    TokenState,
)
from identity_manager.transactions.refusals import NotPossible, Reason, Stale, refuse, require
from identity_manager.workflow.delivery import arrival, own_token
from identity_manager.workflow.targets import planning

MOST_DEVICES = 20
NOT_TO_BE_INSTALLED = Reason(
    "not-to-be-installed",
    _("Its file and passphrase were not handed out yet, or it is not in use any more."),
)
NO_SUCH_DEVICE = Reason("no-such-device", _("Choose on which device you have installed it."))
TOO_MANY_DEVICES = Reason(
    "too-many-devices", _("You have named twenty devices. Take one back that you do not use any more.")
)
TAKEN_BACK = Reason("installation-taken-back", _("This was taken back already."))


def obstacle(token: SoftwareToken) -> Reason | None:
    """Why the token's installation cannot be confirmed now, or None."""
    return None if token.can_be_installed else NOT_TO_BE_INSTALLED


def confirm(*, actor: Person, token_id: uuid.UUID, device: str) -> Installation:
    """Confirm that the token is installed on one device, by its owner, once for each device.

    Raises NotAllowed, Stale, or NotPossible at `device`.
    """
    with transaction.atomic():
        token = own_token.locked(actor=actor, token_id=token_id)
        refuse(obstacle(token), kind=Stale)
        require(device in DeviceKind.values, else_=NO_SUCH_DEVICE, field="device")
        many = Installation.objects.standing_of(token).count() >= MOST_DEVICES
        refuse(TOO_MANY_DEVICES if many else None, kind=NotPossible, field="device")

        now = timezone.now()
        row = Installation.objects.create(token=token, device=device, said_at=now)
        token.installed_at = token.installed_at or now
        token.save()
        InstallationNotice.objects.filter(token=token, ended_at=None).update(ended_at=now)
        arrival.end_by_arrival(token)
        planning.review_later(token.pk)
        audit.record(audit.Event.TOKEN_INSTALLED, actor=actor, subject=token, device=device)
        return row


def take_back(*, actor: Person, token_id: uuid.UUID, installation_id: uuid.UUID) -> SoftwareToken:
    """Withdraw the confirmation for one device; without any left the installation check restarts.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        token = own_token.locked(actor=actor, token_id=token_id)
        refuse(obstacle(token), kind=Stale)
        row = Installation.objects.standing_of(token).filter(pk=installation_id).first()
        if row is None:
            raise Stale(TAKEN_BACK)

        now = timezone.now()
        row.taken_back_at = now
        row.save()
        first = Installation.objects.standing_of(token).first()
        token.installed_at = first.said_at if first else None
        token.save()
        if first is None:
            InstallationNotice.objects.filter(token=token).delete()  # the job asks anew
        planning.review_later(token.pk)
        audit.record(audit.Event.INSTALLATION_TAKEN_BACK, actor=actor, subject=token, device=row.device)
        return token


def prolong_by_hold(token: SoftwareToken, *, held_at: datetime | None) -> None:
    """Extend the installation period of a locked token by the time for which it was on hold."""
    notice = InstallationNotice.objects.filter(token=token, ended_at=None).first()
    if notice is None or held_at is None:
        return
    notice.prolong(timezone.now() - max(held_at, notice.asked_at))
    notice.save()


def prolong_by_leave(person: Person, *, since: datetime) -> None:
    """Extend the periods of a locked person's tokens in use by a leave during which they were not on hold."""
    now = timezone.now()
    tokens = {"token__person": person, "token__state": TokenState.ACTIVE}
    for notice in InstallationNotice.objects.filter(ended_at=None, **tokens):
        notice.prolong(now - max(since, notice.asked_at))
        notice.save()
