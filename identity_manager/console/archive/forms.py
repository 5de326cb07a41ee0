"""The forms of the key archive."""

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from ca_bridge.keys.recovery_keys import LARGEST, UNREADABLE
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.transactions.refusals import NO_REASON

LONGEST_SHARE = 2000


class BringInForm(VerbForm):
    """The document of a ceremony."""

    document = forms.FileField(
        label=_("Document of the ceremony"),
        help_text=_("The file recovery-….json that the ceremony wrote. It holds no secret in plain."),
        max_length=200,
        error_messages={"required": _("Choose the document of the ceremony.")},
    )

    def clean_document(self) -> bytes:
        file = self.cleaned_data["document"]
        if file.size > LARGEST:
            raise forms.ValidationError(UNREADABLE[1])
        content: bytes = file.read()
        return content


class FingerprintForm(VerbForm):
    """The fingerprint as the officer has it from the ceremony."""

    fingerprint = forms.CharField(
        label=_("Fingerprint from the ceremony"),
        help_text=_("All 64 characters (SHA-256), as you wrote them down. Spaces do not matter."),
        max_length=200,
        error_messages={"required": _("Enter the fingerprint from the ceremony.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
    )


class ExportForm(VerbForm):
    """Form with the purpose of an export of the archive."""

    purpose = ReasonField(
        help_text=_("It stays in the audit log, and another Recovery Officer reads it before they agree."),
        required=lazystr(NO_REASON),
    )


class ShareForm(VerbForm):
    """The officer's share. A mistyped one is shown again, on a response with no-store."""

    share = forms.CharField(
        label=_("Your share: 33 words"),
        help_text=_("Four letters of each word are enough. Capitals and line breaks do not matter."),
        max_length=LONGEST_SHARE,
        error_messages={"required": _("Enter your share.")},
        widget=forms.Textarea(
            attrs={
                "rows": 5,
                "autocomplete": "off",
                "autocapitalize": "off",
                "spellcheck": "false",
                "class": "mono",
            }
        ),
    )
