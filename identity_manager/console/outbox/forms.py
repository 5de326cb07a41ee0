"""Forms of the OUTBOX: filter, retry, discard, bounce, bulk actions."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.functional import cached_property, lazystr
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import MomentField, ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists import filtering
from identity_manager.mail.registry import title_of
from identity_manager.models import MailState, OutgoingMail, Person, TokenRequest
from identity_manager.models.mail.delivery_problem import SAID
from identity_manager.models.person_search.name_order import key_for_reader
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.transactions.refusals import NO_REASON

TROUBLE, STUCK = "trouble", "stuck"


class MomentFilter(MomentField):
    """A moment to filter by."""

    def __init__(self, **kwargs: Any) -> None:
        invalid = {"invalid": _("Write a day and a time, like 2026-03-31 10:00.")}
        super().__init__(required=False, error_messages=invalid, **kwargs)


class MailFilterForm(forms.Form):
    """Filter of the OUTBOX. messages, codes and units: the choices."""

    q = forms.CharField(label=_("Person or request"), max_length=200, required=False)
    state = forms.ChoiceField(
        label=_("State"),
        choices=[
            ("", _("any state")),
            (TROUBLE, _("refused or come back")),
            (STUCK, _("waits after an error")),
            *MailState.choices,
            *((kind.value, format_lazy(_("{what}, as the person says"), what=kind.label)) for kind in SAID),
        ],
        required=False,
    )
    message = forms.CharField(label=_("Mail"), max_length=40, required=False, widget=forms.Select)
    error = forms.CharField(label=_("Error"), max_length=60, required=False, widget=forms.Select)
    domain = forms.CharField(label=_("Domain of mails that did not arrive"), max_length=255, required=False)
    unit = forms.CharField(
        label=_("Unit of who gets the mail"), max_length=200, required=False, widget=forms.Select
    )
    since = MomentFilter(label=_("Since"))
    until = MomentFilter(label=_("Until"))

    def __init__(
        self, *args: Any, messages: Sequence[str], codes: Sequence[str], units: Sequence[str], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        named = [(name, title_of(name)) for name in messages]
        self._choose("message", named, _("any mail"))
        self._choose("error", [(code, code) for code in codes], _("any error"))
        self._choose("unit", [(unit, unit) for unit in units], _("any unit"))

    @property
    def is_about_persons(self) -> bool:
        """Whether what is found says something of whose it is."""
        return any(self.cleaned_data[name].strip() for name in ("q", "domain", "unit"))

    @cached_property
    def by_words(self) -> Q:
        """By person, reference or address."""
        text = self.cleaned_data["q"].strip()
        mails, requests = OutgoingMail.objects.all(), TokenRequest.objects.with_reference(text.upper())
        return filtering.of_matching_persons(
            mails,
            "person",
            Person.objects.matching(text),
            Q(request__in=requests.order_by().values("pk")),
            Q(pk__in=mails.order_by().addressed_to(text).values("pk")),
        )

    def _choose(self, name: str, choices: list[tuple[str, str]], every: Any) -> None:
        """Unknown values of old bookmarks stay visible and find nothing."""
        asked = self.data.get(name, "")
        gone = [(asked, asked)] if asked and asked not in dict(choices) else []
        widget = self.fields[name].widget
        assert isinstance(widget, forms.Select)  # noqa: S101 narrows the declared type
        widget.choices = [("", every), *sorted(choices, key=lambda choice: key_for_reader(choice[1])), *gone]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", _("This is before “Since”."))
        return cleaned


class RetryForm(VerbForm):
    """A click on **Retry**; origin is the page where it was clicked."""

    origin = forms.CharField(required=False, max_length=10, widget=forms.HiddenInput)


class DiscardForm(VerbForm):
    """Reason for discarding a mail."""

    reason = ReasonField(
        help_text=_("It stays beside the mail."),
        required=lazystr(NO_REASON),
        longest=LONGEST_REASON,
    )


class BounceForm(VerbForm):
    """Text of the bounce message."""

    reason = ReasonField(
        help_text=_("What the answer in the sender's mailbox says, such as: 550 mailbox unavailable."),
        required=lazystr(NO_REASON),
        longest=LONGEST_REASON,
    )


class ManyForm(VerbForm):
    """Bulk action on mails up to the time when the page was made."""

    as_of = MomentField(
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(
            ("required", "invalid", "out_of_days"), _("Open the page again, and then confirm.")
        ),
    )


class DiscardManyForm(ManyForm, DiscardForm):
    """As ManyForm, with a reason."""
