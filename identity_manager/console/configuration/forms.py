"""Forms of configuration files: a file to compare, and what was compared, to be imported."""

import base64
import binascii

from django import forms
from django.utils.translation import gettext_lazy as _

from identity_manager.configuration import reading
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.transactions.refusals import NotPossible

NOT_SENT_WHOLE = _("The file did not arrive whole. Choose it again.")


def _text_of(content: bytes) -> str:
    try:
        return reading.text_of(content)
    except NotPossible as refused:
        raise forms.ValidationError(str(refused)) from refused


class FileForm(VerbForm):
    """A file to compare with what is in force here."""

    file = forms.FileField(
        label=_("Configuration file"),
        help_text=_("TOML, as the export writes it, at most 1.5 MB. Nothing changes by comparing it."),
        max_length=200,
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
    )

    def clean_file(self) -> str:
        """The text of the file; of one that is too large no more is read than says so."""
        file = self.cleaned_data["file"]
        return _text_of(file.read(reading.MOST_BYTES + 1))


class ImportForm(VerbForm):
    """The file that was compared, in base64 so that no browser changes its line ends, and what was seen."""

    text = forms.CharField(widget=forms.HiddenInput, max_length=2 * reading.MOST_BYTES)
    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def clean_text(self) -> str:
        try:
            content = base64.b64decode(self.cleaned_data["text"], validate=True)
        except (ValueError, binascii.Error) as error:
            raise forms.ValidationError(NOT_SENT_WHOLE) from error
        return _text_of(content)


def sent_back(text: str, seen: str) -> ImportForm:
    """The form under a comparison."""
    return ImportForm(initial={"text": base64.b64encode(text.encode()).decode("ascii"), "seen": seen})
