"""Form of **Replace** on the page of a person."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import ReplacementCause, SoftwareToken
from identity_manager.ui.encryption_certificates import EncryptionCertificatesField, offer
from identity_manager.workflow.replacement import policy
from identity_manager.workflow.step1_replace import ReplacementOrder

CAUSES = [(cause.value, cause.label) for cause in ReplacementCause if cause != ReplacementCause.FORGOTTEN]


class ReplaceForm(VerbForm):
    """Form with the cause of the replacement of a person's tokens. shown: the tokens that the page names."""

    cause = forms.TypedChoiceField(
        label=_("What has happened?"),
        choices=CAUSES,
        coerce=ReplacementCause,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what has happened.")},
    )
    encryption = EncryptionCertificatesField()
    shown = forms.ModelMultipleChoiceField(
        SoftwareToken.objects.none(),
        widget=forms.MultipleHiddenInput,
        error_messages=dict.fromkeys(
            ("required", "invalid_list", "invalid_choice", "invalid_pk_value"), lazystr(policy.OTHER_TOKENS)
        ),
    )

    def __init__(self, data: QueryDict | None, *, tokens: Sequence[SoftwareToken]) -> None:
        super().__init__(data, initial={"shown": [token.pk for token in tokens]})
        of_person = SoftwareToken.objects.filter(person__in={token.person_id for token in tokens})
        self.fields["shown"].queryset = of_person  # type: ignore[attr-defined]  # a ModelMultipleChoiceField
        offer(self, tokens, tick_archived=True)

    def clean(self) -> dict[str, Any]:
        """The order that the verb takes."""
        content = super().clean() or self.cleaned_data
        if self.errors:
            return content
        return {
            "order": ReplacementOrder(
                cause=content["cause"],
                encryption=content.get("encryption", ()),
                shown={token.pk for token in content["shown"]},
            )
        }
