"""Forms of directory sources."""

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import RunMode
from identity_manager.people.api_access.client_credentials import MOST_DAYS
from identity_manager.people.api_access.scim_tokens import NO_TOKEN_NAME
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.ui.forms import TOO_LONG


class StartForm(VerbForm):
    """Form to start a run, full or dry; the button that was pressed says which."""

    mode = forms.ChoiceField(
        choices=[(mode.value, mode.label) for mode in (RunMode.FULL, RunMode.DRY)],
        error_messages={"required": _("Choose a run or a dry run.")},
    )


class DropForm(VerbForm):
    """Form with the reason why a stopped run is dropped."""

    reason = ReasonField(
        help_text=_("It stands on the page of the run and in the audit log."), required=lazystr(NO_REASON)
    )


class TokenForm(VerbForm):
    """A client and how long its token is valid."""

    name = forms.CharField(
        label=_("Client"),
        help_text=_("The identity provider that writes with it, such as Entra or Okta."),
        max_length=60,
        error_messages={"required": lazystr(NO_TOKEN_NAME), "max_length": TOO_LONG},
    )
    days = forms.IntegerField(
        label=_("Valid for days"),
        error_messages={"required": _("Enter for how many days the token is valid.")},
        initial=365,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=_("At most 730. Make the next token in time: a client whose token has expired is refused."),
    )
