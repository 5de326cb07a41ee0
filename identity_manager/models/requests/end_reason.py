"""Reasons of automatic ends of requests and tokens: codes on the row, sentences on pages."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from identity_manager.models.words import Vocabulary

LONGEST_REASON = 300  # characters of free text, in the columns of reasons that verbs cut to fit


class EndReason(models.TextChoices):
    """Codes of automatic ends. Any other reason is free text of an officer or the person."""

    NOT_ACCEPTED = "terms-not-accepted", _("The terms were not accepted in time.")
    DECLINED = "terms-declined", _("The terms were declined.")
    NOT_NOTED = "passphrase-not-noted", _("The passphrase was not noted in time.")
    NEW_CODE = "new-sign-in-code", _("A sign-in code was made or used for the person.")
    NEW_ROUND = "sent-round-again", _("The request was started again with new data.")
    WITHDRAWN = "withdrawn", _("withdrawn by the person")
    ENDED_ON_LEAVE = "ended-on-leave", _("Its certificate ended during the leave, before it was handed out.")
    TERMS_NOT_ACCEPTED_AGAIN = (
        "terms-not-accepted-again",
        _("The new version of the terms was not accepted in time."),
    )
    RECOVERY_OVER = "recovery-over", _("Its last day is over.")
    LOCKED = "person-locked", _("The person was locked for good.")


END_REASONS = Vocabulary("reasons of automatic ends", EndReason.choices)  # free text stands for itself
