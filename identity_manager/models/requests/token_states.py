"""States and delivery states of a software token, without the model: queries import them alone."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class TokenState(models.TextChoices):
    ORDERED = "ordered", _("Ordered")
    ISSUING = "issuing", _("Being issued")
    SEALED = "sealed", _("Sealed")
    ACTIVE = "active", _("Active")
    LAPSED = "lapsed", _("Lapsed")
    ON_HOLD = "on_hold", _("On hold")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")
    REPLACED = "replaced", _("Replaced")
    CANCELLED = "cancelled", _("Cancelled")


T = TokenState
TO_BE_ISSUED = (T.ORDERED, T.ISSUING)
UNDER_WAY = (*TO_BE_ISSUED, T.SEALED)
DELIVERABLE = (T.SEALED, T.ACTIVE)  # not on hold: its files go to the person
IN_USE = (*DELIVERABLE, T.ON_HOLD)
NEVER_HANDED_OUT = (*TO_BE_ISSUED, T.CANCELLED)
# Ended tokens whose encryption certificates may live on: mail under them is still on its way.
MAY_LIVE_ON = (T.REPLACED, T.REVOKED)


class DeliveryState(models.TextChoices):
    NONE = "none", _("Not yet")
    QUEUED = "queued", _("Waits to be sent")
    SENT = "sent", _("Sent")
    BOUNCED = "bounced", _("Came back")
    OFFERED = "offered", _("Waits to be fetched")
    FETCHED = "fetched", _("Fetched from the portal")
    TO_TARGETS = "to_targets", _("Goes to its targets")
    AT_TARGETS = "at_targets", _("At its targets")


# Handed out, or ended with encryption certificates that may live on until their own date.
HANDED_OUT = (*IN_USE, *MAY_LIVE_ON)
ENDED_UNUSED = (T.LAPSED, T.CANCELLED)
# Of tokens that targets alone deliver: they have no file and no passphrase.
BY_TARGETS = (DeliveryState.TO_TARGETS, DeliveryState.AT_TARGETS)
