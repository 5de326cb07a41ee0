"""The forms of renewal."""

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.transactions.refusals import NO_REASON


class LeaveTokenForm(VerbForm):
    """Form with the reason why a token stays, and the hash of the holder's changes that the officer saw."""

    changes_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)
    reason = ReasonField(
        help_text=_("It stays in the history. The next change is asked about again."),
        required=lazystr(NO_REASON),
        longest=LONGEST_REASON,
    )
