"""Guarded download: fetch a file in Self-Service where mail does not deliver it.

Only if its mail failed or the installation delivers by link, and never in the sign-in window in which a
passphrase was shown (channel_separation). Each download is counted, audited and reported by mail.
"""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import install, outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    Container,
    DeliveryMode,
    DeliveryState,
    Person,
    SoftwareToken,
)
from identity_manager.transactions.refusals import NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow import completion
from identity_manager.workflow.delivery import apple_profile, channel_separation, own_token
from identity_manager.workflow.policy import permitted_actions

NOT_IN_USE = Reason("file-not-in-use", _("This token is not in use, so its file is not handed out."))
COMES_BY_MAIL = Reason(
    "comes-by-mail", _("This file comes by mail. Self-Service hands it out only if the mail fails.")
)
GONE = Reason("file-gone", _("This file is not kept any more."))


def fetch(*, actor: Person, container_id: uuid.UUID, signed_in_at: datetime) -> Container:
    """Return a container to its owner. signed_in_at: begin of the session's window.

    The caller has checked for a recent second factor or sign-in. Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        token_id = Container.objects.values_list("token_id", flat=True).filter(pk=container_id).first()
        token = _fetchable(actor, token_id, signed_in_at)
        container = token.containers.select_related("certificate__profile").filter(pk=container_id).first()
        if container is None:  # removed while this waited for the lock
            raise Stale(GONE)
        _record_fetched(actor, token, [container], file=container.file_name)
        return container


def fetch_profile(
    *, actor: Person, token_id: uuid.UUID, device: install.Device, signed_in_at: datetime
) -> apple_profile.ProfileFile:
    """Return the containers that the device reads in one configuration profile, under the same rules.

    Each of them counts as fetched. Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        token = _fetchable(actor, token_id, signed_in_at)
        containers = list(
            token.containers.filter(format=device.container_format.value).select_related(
                "certificate__profile", "certificate__order"
            )
        )
        require(containers and device.profile_steps, else_=GONE, kind=Stale)
        profile = apple_profile.build(token, containers, device=device)
        _record_fetched(actor, token, containers, file=profile.file_name)
        return profile


def _fetchable(actor: Person, token_id: uuid.UUID | None, signed_in_at: datetime) -> SoftwareToken:
    """The token, locked, if its person may fetch its files now."""
    if token_id is None:
        raise Stale(GONE)
    token = own_token.locked(actor=actor, token_id=token_id)
    refuse(fetch_obstacle(token), kind=Stale)
    refuse(channel_separation.file_obstacle(token.person, signed_in_at=signed_in_at), kind=NotAllowed)
    return token


def _record_fetched(actor: Person, token: SoftwareToken, containers: list[Container], *, file: str) -> None:
    """Count each container, tell the person once, and record it under the name of what they got."""
    for container in containers:
        container.downloads += 1
        container.downloaded_at = timezone.now()
        container.save()
    outbox.enqueue(token_messages.file_fetched(token, container=containers[0], file=file))
    _settle_fetched(token)
    audit.record(
        audit.Event.TOKEN_FILE_FETCHED,
        actor=actor,
        subject=token,
        file=file,
        times=containers[0].downloads,
    )


def fetch_obstacle(token: SoftwareToken) -> Reason | None:
    """Why the token's files cannot be fetched, or None."""
    if not permitted_actions.can_be_sent(token):
        return NOT_IN_USE
    frozen = permitted_actions.delivery_obstacle(token)
    if frozen is not None:
        return frozen
    by_link = settings.DELIVERY_MODE != DeliveryMode.ATTACHMENT
    waits = token.delivery in (DeliveryState.BOUNCED, DeliveryState.OFFERED, DeliveryState.FETCHED)
    return None if by_link or waits else COMES_BY_MAIL


def _settle_fetched(token: SoftwareToken) -> None:
    """The token is delivered once a file of each certificate was fetched, in any format."""
    fetched = token.containers.filter(downloads__gt=0).values("certificate")
    missing = token.containers.exclude(certificate__in=fetched)
    if token.delivery == DeliveryState.FETCHED or missing.exists():
        return
    token.delivery = DeliveryState.FETCHED
    token.delivered_at = timezone.now()
    token.save()
    completion.activate_if_delivered_and_noted(token)
