"""States, kinds and origins of a token request, without the model: policies and queries import them alone."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class RequestState(models.TextChoices):
    REQUESTED = "requested", _("Waits for approval")
    APPROVED = "approved", pgettext_lazy("request", "Approved")
    REJECTED = "rejected", pgettext_lazy("request", "Rejected")
    AWAITING_ACCEPTANCE = "awaiting_acceptance", _("Waits for acceptance")
    DECLINED = "declined", pgettext_lazy("request", "Declined")
    LAPSED = "lapsed", pgettext_lazy("request", "Lapsed")
    ISSUING = "issuing", _("Being issued")
    FAILED = "failed", _("Failed")
    ISSUED = "issued", pgettext_lazy("request", "Issued")
    COMPLETED = "completed", pgettext_lazy("request", "Completed")
    CANCELLED = "cancelled", pgettext_lazy("request", "Cancelled")


S = RequestState
BEFORE_ISSUED = (S.REQUESTED, S.APPROVED, S.AWAITING_ACCEPTANCE, S.ISSUING, S.FAILED)
STOPPABLE = (S.REQUESTED, S.AWAITING_ACCEPTANCE, S.FAILED)
STILL_ISSUING = (S.ISSUING, S.FAILED)  # what is issued meanwhile is kept for a retry
ENDED = (S.REJECTED, S.DECLINED, S.LAPSED, S.CANCELLED, S.COMPLETED)
NOT_ENDED = tuple(state for state in S if state not in ENDED)


class RequestKind(models.TextChoices):
    INITIAL = "initial", _("First issue")
    RENEWAL = "renewal", _("Renewal")
    REPLACEMENT = "replacement", _("Replacement")
    RECOVERY = "recovery", _("Recovery")
    IMPORT = "import", _("Import from another system")


# Of one person and type at most one line of these kinds is open, whichever it is (a constraint).
ONE_OPEN_LINE = (RequestKind.INITIAL, RequestKind.RENEWAL, RequestKind.REPLACEMENT)
# Their tokens take the place of others.
SUCCEEDING = (RequestKind.RENEWAL, RequestKind.REPLACEMENT)


class ReplacementCause(models.TextChoices):
    """Cause of a replacement. FORGOTTEN: of one token alone, whose key nobody else has."""

    LOST = "lost", _("The device is lost")
    STOLEN = "stolen", _("The device was stolen")
    COMPROMISED = "compromised", _("Somebody may have the file or know the passphrase")
    FORGOTTEN = "forgotten", _("The file or its passphrase is gone")


class RequestOrigin(models.TextChoices):
    ADMINISTRATOR = "administrator", _("started by an administrator")
    SELF_SERVICE = "self-service", _("started by the person")
    EXPIRY_CHECK = "expiry-check", _("started by the expiry check")
    HOLDER_CHANGE = "holder-change", _("started because the person's data have changed")
