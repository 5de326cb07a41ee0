"""The form that puts a token on hold."""

from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.workflow.revocation import hold


class HoldForm(VerbForm):
    """Why a token is put on hold."""

    reason = ReasonField(
        help_text=_("It stays on the token's card."),
        required=lazystr(NO_REASON),
        longest=hold.LONGEST_REASON,
    )
