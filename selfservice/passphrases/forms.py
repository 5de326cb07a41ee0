"""Forms of the page that shows a passphrase."""

from django import forms
from django.utils.translation import gettext_lazy as _

from selfservice.refusals import VerbForm


class ShowForm(VerbForm):
    """A click on **Show passphrase**."""


class NotedForm(VerbForm):
    """Form to confirm that the person has noted the passphrase."""

    noted = forms.BooleanField(
        label=_("I have noted the passphrase"),
        help_text=_("Install the file first, then confirm: nobody can show the passphrase again afterwards."),
        error_messages={
            "required": _("Note the passphrase first, then check the box: it is destroyed afterwards.")
        },
    )
