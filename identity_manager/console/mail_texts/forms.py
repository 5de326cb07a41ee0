"""Forms of the company's own mail texts."""

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from identity_manager.catalogue import versions
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.mail.company_texts.liquid import TextFault
from identity_manager.mail.company_texts.wording import Wording
from identity_manager.models.mail.mail_text import LONGEST_MAIL_BODY, LONGEST_MAIL_SUBJECT
from identity_manager.ui.forms import TOO_LONG


class SeenForm(VerbForm):
    """Carries the revision that the page showed, for optimistic locking."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)


class RefuseForm(SeenForm):
    """Refusal with a reason."""

    reason = ReasonField(
        help_text=_("Who made the version reads this."), required=lazystr(versions.NO_REASON)
    )


class TextForm(SeenForm):
    """Subject and text. A draft may lack them or have faults; a version in force may not."""

    subject = forms.CharField(
        label=pgettext_lazy("mail", "Subject"),
        max_length=LONGEST_MAIL_SUBJECT,
        required=False,
        error_messages={"max_length": TOO_LONG},
    )
    body = forms.CharField(
        label=_("Text"),
        max_length=LONGEST_MAIL_BODY,
        required=False,
        help_text=_(
            "A blank line begins a paragraph. Lines that begin with a hyphen and a blank are a list."
        ),
        widget=forms.Textarea(attrs={"rows": 18}),
        error_messages={"max_length": TOO_LONG},
    )

    def __init__(self, *args: object, language: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # what a form takes
        for name in ("subject", "body"):
            self.fields[name].widget.attrs |= {"lang": language, "spellcheck": "true"}

    @property
    def wording(self) -> Wording:
        """The text in a valid form."""
        return Wording(self.cleaned_data["subject"], _lines(self.cleaned_data["body"]))

    def show(self, faults: dict[str, list[TextFault]]) -> None:
        """Add the faults as errors of their fields."""
        for name, found in faults.items():
            for fault in found:
                self.add_error(name, str(fault))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
