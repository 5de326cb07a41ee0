"""Forms of SIEM sinks and webhooks."""

import re
from typing import Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import MomentField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.events import webhooks
from identity_manager.models import WebhookFormat, WebhookSignature
from identity_manager.ui.forms import TOO_LONG

MOST_KINDS = 5000


class ResendForm(VerbForm):
    """Number of the event from which the SIEM gets the audit log again."""

    number = forms.IntegerField(
        label=_("From number"),
        help_text=_("Everything from this event on is sent again. The SIEM drops what it has by its id."),
        min_value=1,
        max_value=2**63 - 1,
        error_messages={"required": _("Enter the number of the first event.")},
    )


class WebhookForm(VerbForm):
    """A webhook: events, URL and format."""

    name = forms.CharField(
        label=_("Who is told"),
        help_text=_("Such as Ticketing, or the team whose channel it is."),
        max_length=60,
        error_messages={"required": lazystr(webhooks.NO_NAME), "max_length": TOO_LONG},
    )
    format = forms.ChoiceField(
        label=_("Format"),
        choices=WebhookFormat.choices,
        error_messages={"required": _("Choose a format."), "invalid_choice": _("Choose a format.")},
    )
    address = forms.CharField(
        label=_("Address"),
        help_text=_(
            "It begins with https://. It is stored encrypted; of Teams and Slack only the host is shown."
        ),
        max_length=webhooks.MOST_ADDRESS,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off"}),
        error_messages={"required": lazystr(webhooks.BAD_ADDRESS), "max_length": TOO_LONG},
    )
    kinds = forms.CharField(
        label=_("Events"),
        help_text=_("One a line: request.approved, or request.* for all of a kind, or * for every event."),
        max_length=MOST_KINDS,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        error_messages={"required": lazystr(webhooks.NO_KINDS), "max_length": TOO_LONG},
    )
    signature = forms.ChoiceField(
        label=_("Signature"),
        choices=WebhookSignature.choices,
        initial=WebhookSignature.V1,
        help_text=_("Messages to Teams and Slack have none: who knows the address may write there."),
        error_messages={"required": _("Choose a signature."), "invalid_choice": _("Choose a signature.")},
    )
    with_persons = forms.BooleanField(
        label=_("With names of persons and reasons"),
        help_text=_(
            "Otherwise ids and references alone. What was sent is not erased when a person is erased."
        ),
        required=False,
    )

    def clean_kinds(self) -> list[str]:
        """Each pattern once, in the order in which they were entered."""
        return list(dict.fromkeys(re.findall(r"[^\s,;]+", self.cleaned_data["kinds"])))

    @property
    def wanted(self) -> webhooks.WebhookInput:
        """The content of a valid form, for the verb."""
        content: dict[str, Any] = dict(self.cleaned_data)
        content["address"] = content["address"].strip()
        return webhooks.WebhookInput(**content)


class ReplayForm(VerbForm):
    """The time whose events are sent again."""

    since = MomentField(
        label=_("From"),
        error_messages={"required": _("Enter the beginning."), "invalid": _("Enter a day and a time.")},
    )
    until = MomentField(
        label=_("Until"),
        error_messages={"required": _("Enter the end."), "invalid": _("Enter a day and a time.")},
    )
