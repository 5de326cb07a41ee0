"""Classification of Gmail API errors: kind of fault, and a sentence for people.

A fault of one mailbox (no S/MIME) delays that person only; if Google refuses the service account or limits
the rate, the whole target waits. Texts of Google's errors may name a person, so only codes are logged.
"""

from django.utils.translation import gettext as _

from identity_manager.targets.contract import Doubtful, NoPlace, Refused, TargetError, Unavailable
from identity_manager.targets.https import Reply

OK, NO_CONTENT, NO_TOKEN, FORBIDDEN = 200, 204, 401, 403
NOT_FOUND, CONFLICT, TOO_MANY, ERROR = 404, 409, 429, 500
LIMITS = frozenset(
    {
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "dailyLimitExceeded",
        "quotaExceeded",
        "RESOURCE_EXHAUSTED",
    }
)
SWITCHED_OFF = frozenset({"accessNotConfigured", "SERVICE_DISABLED"})
NO_SCOPE = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
NO_MAILBOX = frozenset({"failedPrecondition", "serviceNotAvailable", "FAILED_PRECONDITION"})


def fault(reply: Reply, *, changes: bool) -> TargetError:
    """The exception for an error response. changes: the call was not read-only."""
    reasons = reasons_of(reply)
    detail = " ".join((str(reply.status), *sorted(reasons)))
    if reply.status >= ERROR and changes:
        return Doubtful(_("Gmail failed, and nobody knows how far it came."), detail=detail)
    if words := _of_the_whole(reply.status, reasons):
        return Unavailable(words, detail=detail, retry_after=reply.retry_after)
    if words := _of_the_mailbox(reply.status, reasons):
        return NoPlace(words, detail=detail)
    if not changes:
        words = _("Gmail does not answer as it should.")
        return Unavailable(words, detail=detail, retry_after=reply.retry_after)
    if reply.status == CONFLICT:
        words = _("Gmail says that there is such a certificate already, and does not show it.")
        return Refused(words, detail=detail)
    words = _(
        "Gmail refuses the certificate, and says no reason. Its chain has to be as the S/MIME certificate"
        " profiles of Google say, and its root has to be in the Admin console, for this domain."
    )
    return Refused(words, detail=detail)


def _of_the_whole(status: int, reasons: frozenset[str]) -> str:
    """The sentence of a fault that affects the whole Workspace; empty for another fault."""
    if status == NO_TOKEN:
        return _("Gmail does not accept the service account any more: its key was withdrawn.")
    if status == TOO_MANY or reasons & LIMITS:
        return _("Gmail wants fewer calls.")
    if reasons & SWITCHED_OFF:
        return _("The Gmail API is not switched on in the project of the service account.")
    if reasons & NO_SCOPE:
        return _("The service account lacks the scope gmail.settings.basic.")
    return ""


def _of_the_mailbox(status: int, reasons: frozenset[str]) -> str:
    """The sentence of a fault of this mailbox only; empty for another fault."""
    if status == FORBIDDEN:
        return _("Gmail allows no S/MIME for this mailbox: hosted S/MIME is off, or the edition has none.")
    if status == NOT_FOUND or reasons & NO_MAILBOX:
        return _("The person has no mailbox in Gmail, or not any more.")
    return ""


def reasons_of(reply: Reply) -> frozenset[str]:
    """The reason codes of a Google error; never its texts."""
    error = reply.json().get("error")
    if not isinstance(error, dict):
        return frozenset()
    listed = [
        each for name in ("errors", "details") for each in error.get(name) or () if isinstance(each, dict)
    ]
    codes = {str(error.get("status", "")), *(str(each.get("reason", "")) for each in listed)}
    return frozenset(code for code in codes if code.replace("_", "").isalnum())
