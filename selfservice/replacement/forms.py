"""The form of a replacement: what has happened, and to which tokens."""

import uuid
from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    Person,
    ReplacementCause,
    SoftwareToken,
    TermsText,
)
from identity_manager.ui.encryption_certificates import EncryptionCertificatesField, offer
from identity_manager.ui.forms import RadioCards
from identity_manager.ui.parts import Card
from identity_manager.workflow import step4_accept
from identity_manager.workflow.replacement import policy as replacement
from identity_manager.workflow.step1_replace import ReplacementOrder
from selfservice.refusals import VerbForm, error_message

CAUSE_ICONS = {
    ReplacementCause.LOST: "help",
    ReplacementCause.STOLEN: "alert",
    ReplacementCause.COMPROMISED: "eye",
    ReplacementCause.FORGOTTEN: "key",
}


class ReplaceForm(VerbForm):
    """Form to replace tokens, with the cause. tokens, texts: those that the page has named.

    of_one: whether one token alone is replaced, whose passphrase may be forgotten.
    """

    cause = forms.ChoiceField(
        label=_("What has happened?"),
        widget=RadioCards,
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose what has happened.")),
    )
    encryption = EncryptionCertificatesField()
    tokens = forms.ModelMultipleChoiceField(
        SoftwareToken.objects.none(),
        widget=forms.MultipleHiddenInput,
        required=False,
        error_messages=dict.fromkeys(
            ("invalid_list", "invalid_choice", "invalid_pk_value"), error_message(replacement.OTHER_TOKENS)
        ),
    )
    texts = forms.ModelMultipleChoiceField(
        TermsText.objects.all(),
        widget=forms.MultipleHiddenInput,
        required=False,
        error_messages=dict.fromkeys(
            ("invalid_list", "invalid_choice", "invalid_pk_value"), error_message(step4_accept.OTHER_TERMS)
        ),
    )

    def __init__(
        self, *args: Any, person: Person, tokens: Iterable[SoftwareToken], of_one: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cause"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (cause.value, Card(cause.label, icon=CAUSE_ICONS[cause]))
            for cause in ReplacementCause
            if of_one or cause != ReplacementCause.FORGOTTEN
        ]
        rows = SoftwareToken.objects.filter(person=person)
        self.fields["tokens"].queryset = rows  # type: ignore[attr-defined]  # a ModelMultipleChoiceField
        offer(self, tokens, tick_archived=True)

    def order(self, only: uuid.UUID | None) -> ReplacementOrder:
        """The order in the valid form."""
        content = self.cleaned_data
        return ReplacementOrder(
            cause=ReplacementCause(content["cause"]),
            only=only,
            shown={row.pk for row in content["tokens"]},
            encryption=content.get("encryption", ()),
            terms_shown={text.pk for text in content["texts"]},
        )
