"""Forms of Self-Service in which the person accepts terms."""

import uuid
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from identity_manager.models import DeviceRule, TermsText, TokenRequest
from identity_manager.ui.forms import TOO_LONG, CardsField
from identity_manager.workflow import step4_accept
from identity_manager.workflow.policy import devices as device_policy
from identity_manager.workflow.policy import eligibility
from selfservice.help import installation_help
from selfservice.refusals import VerbForm, error_message


def _untick(form: VerbForm, name: str) -> None:
    data = QueryDict(mutable=True)
    data.update(form.data)
    data.pop(name, None)
    form.data = data


class TermsForm(VerbForm):
    """Acceptance of exactly these texts for exactly this snapshot."""

    accept = forms.BooleanField(
        label=_("I accept the Terms and Conditions"),
        error_messages={"required": _("Check the box if you accept. Without it nothing is issued.")},
    )
    devices = CardsField(
        label=_("For which devices is the file?"),
        help_text=_(
            "The mail brings a file that all of them read, and their steps. You can get it for other devices"
            " at any time."
        ),
        required=False,
    )
    snapshot_hash = forms.CharField(
        widget=forms.HiddenInput,
        max_length=64,
        error_messages={"required": error_message(eligibility.ANOTHER_SNAPSHOT)},
    )
    texts = forms.ModelMultipleChoiceField(
        TermsText.objects.all(),
        widget=forms.MultipleHiddenInput,
        error_messages=dict.fromkeys(
            ("required", "invalid_list", "invalid_choice", "invalid_pk_value"),
            error_message(step4_accept.OTHER_TERMS),
        ),
    )

    def __init__(self, *args: Any, asked: TokenRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule = device_policy.rule(asked.lines)
        if rule == DeviceRule.NEVER:
            del self.fields["devices"]
            return
        field = self.fields["devices"]
        field.choices = installation_help.cards()  # type: ignore[attr-defined]  # a CardsField
        field.required = rule == DeviceRule.MUST
        field.initial = device_policy.last_choice(asked.person_id).split()
        field.error_messages["required"] = error_message(device_policy.MISSING)

    @property
    def device_codes(self) -> list[str]:
        return list(self.cleaned_data.get("devices", ()))

    @property
    def text_ids(self) -> list[uuid.UUID]:
        return [text.pk for text in self.cleaned_data["texts"]]

    def clear_the_box(self) -> None:
        """Untick the box: the page shows other texts than those accepted."""
        _untick(self, "accept")


class TermsAgainForm(VerbForm):
    """Acceptance of exactly this text for tokens that the person holds."""

    accept = forms.BooleanField(
        label=_("I accept the Terms and Conditions"),
        error_messages={"required": _("Check the box if you accept.")},
    )
    text = forms.ModelChoiceField(
        TermsText.objects.all(),
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(("required", "invalid_choice"), error_message(step4_accept.OTHER_TERMS)),
    )

    def clear_the_box(self) -> None:
        """Untick the box: the page shows another text than the one accepted."""
        _untick(self, "accept")


class DeclineForm(VerbForm):
    """Form to decline terms, with a reason if the person wants to say it."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The Software Token Administrators read this."),
        required=False,
        max_length=1000,
        error_messages={"max_length": TOO_LONG},
        widget=forms.Textarea(attrs={"rows": 3}),
    )
