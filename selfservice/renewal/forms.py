"""Forms of renewal: **Renew** and **I do not need it any longer**."""

import uuid

from django import forms
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    TermsText,
)
from identity_manager.ui.forms import TOO_LONG
from identity_manager.workflow import step4_accept
from selfservice.refusals import VerbForm, error_message


class RenewForm(VerbForm):
    """A click on **Renew**. texts: the terms that the page named as accepted before."""

    texts = forms.ModelMultipleChoiceField(
        TermsText.objects.all(),
        widget=forms.MultipleHiddenInput,
        required=False,
        error_messages=dict.fromkeys(
            ("invalid_list", "invalid_choice", "invalid_pk_value"), error_message(step4_accept.OTHER_TERMS)
        ),
    )

    @property
    def text_ids(self) -> list[uuid.UUID]:
        return [text.pk for text in self.cleaned_data["texts"]]


class NotNeededForm(VerbForm):
    """Form with the reason why the person does not need the token any longer."""

    reason = forms.CharField(
        label=_("Why do you not need it any longer?"),
        help_text=_("The Software Token Administrators read this."),
        max_length=300,
        error_messages={"max_length": TOO_LONG, "required": _("Say why you do not need it.")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
