"""Forms about delivered files: answers on arrival and installation."""

from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.transactions.refusals import NO_REASON


class AnswerForm(VerbForm):
    """Form with an answer to the person whose file did not arrive."""

    reason = ReasonField(
        help_text=_("The person reads it in Self-Service, and can say again that it did not arrive."),
        required=lazystr(NO_REASON),
        longest=LONGEST_REASON,
    )


class LeaveForm(VerbForm):
    """Form with the reason why a token stays, though nobody has confirmed its installation."""

    reason = ReasonField(
        help_text=_("It stays in the history. Nobody is asked about this token again."),
        required=lazystr(NO_REASON),
        longest=LONGEST_REASON,
    )
