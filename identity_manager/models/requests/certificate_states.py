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


NOT_ENDED = (CertificateState.VALID, CertificateState.ON_HOLD)
