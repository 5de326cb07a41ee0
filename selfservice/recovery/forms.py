"""Forms of key recovery: which keys, and the owner's consent."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    Person,
)
from identity_manager.ui.forms import TOO_LONG, CardsField
from identity_manager.workflow.recovery import policy
from selfservice.recovery import recovery_choices
from selfservice.refusals import VerbForm, error_message


class ConsentForm(VerbForm):
    """Whether the owner agrees that somebody else gets their archived keys: one of two buttons."""

    agrees = forms.ChoiceField(
        choices=(("yes", _("I agree")), ("no", _("I do not agree"))),
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Say whether you agree.")),
    )


class RecoverForm(VerbForm):
    """Form to recover archived keys: which keys, and why."""

    keys = CardsField(
        label=_("Which keys do you want to recover?"),
        error_messages={"required": error_message(policy.NO_KEYS)},
    )
    purpose = forms.CharField(
        label=_("Why do you need them?"),
        help_text=_("It stands in the audit log, and the Software Token Administrators read it."),
        max_length=300,
        error_messages={"max_length": TOO_LONG, "required": error_message(policy.NO_PURPOSE)},
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["keys"].choices = recovery_choices.cards(person)  # type: ignore[attr-defined]  # a CardsField

    @property
    def key_ids(self) -> list[uuid.UUID]:
        return [uuid.UUID(value) for value in self.cleaned_data["keys"]]
