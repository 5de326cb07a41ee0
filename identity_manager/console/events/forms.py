"""Forms of other systems that are told of the audit log."""

from django import forms
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.refusals import VerbForm


class ResendForm(VerbForm):
    """From which event on the SIEM gets the audit log again."""

    number = forms.IntegerField(
        label=_("From number"),
        help_text=_("Everything from this event on is sent again. The SIEM drops what it has by its id."),
        min_value=1,
        max_value=2**63 - 1,
        error_messages={"required": _("Enter the number of the first event.")},
    )
