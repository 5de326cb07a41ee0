"""Ending rules: what happens to a software token when its holder leaves."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class EndingRule(models.TextChoices):
    """For leavers (by the token type) and for who leaves a group (by the standing order)."""

    REVOKE = "revoke", _("It is revoked at once")
    HOLD = "hold", _("It is put on hold")
    RUN_OUT = "run-out", _("It stays valid until its own end")
