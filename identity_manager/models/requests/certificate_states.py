"""The states of certificates, and groups of states."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class CertificateState(models.TextChoices):
    ORDERED = "ordered", _("Ordered")
    VALID = "valid", _("Valid")
    ON_HOLD = "on_hold", _("On hold")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")
    REFUSED = "refused", _("Refused")


# Of the token; its states import this module.
ISSUING = "issuing"
# Encryption certificates of a replaced or revoked token may live on until their own date.
TOKEN_HANDED_OUT = ("sealed", "active", "on_hold", "replaced", "revoked")
NOT_ENDED = (CertificateState.VALID, CertificateState.ON_HOLD)
