"""Forms of the OUTBOX: filter, retry, discard, bounce, bulk actions."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.functional import cached_property, lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists import filtering
from identity_manager.console.requests.decision_forms import MomentField
from identity_manager.models import MailState, OutgoingMail, Person, TokenRequest
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.workflow.delivery import outbox_actions as mails

TROUBLE, STUCK = "trouble", "stuck"
# Names of mails for officers; a mail missing here shows its function name.
MESSAGE_NAMES = {
    "information": _("Invitation to accept the terms"),
    "approval_needed": _("A request waits for an approver"),
    "approval_reminder": _("Reminder of a request that waits for an approver"),
    "approval_back": _("A postponed request is back"),
    "left_undecided": _("Nobody decides on a request"),
    "batch_waits": _("Requests of a batch order wait for an approver"),
    "batch_reminder": _("Reminder of requests of a batch order"),
    "batch_undecided": _("Nobody decides on requests of a batch order"),
    "batch_approved": _("Requests of a batch order were approved"),
    "batch_rejected": _("Requests of a batch order were rejected"),
    "renewal_due": _("A software token ends soon"),
    "acceptance_reminder": _("Reminder to accept the terms"),
    "passphrase_reminder": _("Reminder to note the passphrase"),
    "types_taken_out": _("Types were taken out of a request"),
    "sent_round_again": _("A request is decided on again"),
    "request_cancelled": _("The request was cancelled"),
    "issuance_failed": _("A software token could not be issued"),
    "rest_given": _("The rest of a request is given"),
    "person_activated": _("A person was activated"),
    "person_deactivated": _("A person was deactivated"),
    "identity_change_asked": _("A change of identity was asked for"),
    "identity_change_done": _("A change of identity was confirmed"),
    "identity_change_dropped": _("A change of identity was not confirmed"),
    "password_set": _("A password was set"),
    "second_factor_added": _("A second factor was added"),
    "second_factor_removed": _("A second factor was removed"),
    "second_factors_reset": _("Second factors were reset"),
    "recovery_codes_made": _("Recovery codes were made"),
    "recovery_code_used": _("A recovery code was used"),
    "account_linked": _("An account was linked to single sign-on"),
    "break_glass_used": _("Somebody signed in past single sign-on"),
    "approved": _("The request was approved"),
    "rejected": _("The request was rejected"),
    "delivery": _("Delivery of a software token"),
    "file_fetched": _("A file was fetched"),
    "passphrase_shown": _("A passphrase was shown"),
    "request_lapsed": _("The request lapsed"),
    "token_lapsed": _("The software token lapsed"),
    "ended_on_leave": _("A software token ended during a leave"),
    "sign_in_code_made": _("A sign-in code was made"),
}


def message_name(message: str) -> str:
    """The mail's name for officers."""
    return str(MESSAGE_NAMES.get(message) or message.replace("_", " ").capitalize())


class MomentFilter(MomentField):
    """A moment to filter by."""

    def __init__(self, **kwargs: Any) -> None:
        invalid = {"invalid": _("Write a day and a time, like 2026-03-31 10:00.")}
        super().__init__(required=False, error_messages=invalid, **kwargs)


class MailFilterForm(forms.Form):
    """Filter of the OUTBOX. messages and codes: the choices."""

    q = forms.CharField(label=_("Person or request"), max_length=200, required=False)
    state = forms.ChoiceField(
        label=_("State"),
        choices=[
            ("", _("any state")),
            (TROUBLE, _("refused or come back")),
            (STUCK, _("waits after an error")),
            *MailState.choices,
        ],
        required=False,
    )
    message = forms.CharField(label=_("Mail"), max_length=40, required=False, widget=forms.Select)
    error = forms.CharField(label=_("Error"), max_length=60, required=False, widget=forms.Select)
    since = MomentFilter(label=_("Since"))
    until = MomentFilter(label=_("Until"))

    def __init__(self, *args: Any, messages: Sequence[str], codes: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(name, message_name(name)) for name in messages]
        self._choose("message", named, _("any mail"))
        self._choose("error", [(code, code) for code in codes], _("any error"))

    @cached_property
    def by_words(self) -> Q:
        """By person, reference or address."""
        text = self.cleaned_data["q"].strip()
        mails, requests = OutgoingMail.objects.all(), TokenRequest.objects.with_reference(text.upper())
        return filtering.of_persons(
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
        widget.choices = [("", every), *sorted(choices, key=lambda choice: choice[1]), *gone]

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
        longest=mails.LONGEST_REASON,
    )


class BounceForm(VerbForm):
    """Text of the bounce message."""

    reason = ReasonField(
        help_text=_("What the answer in the sender's mailbox says, such as: 550 mailbox unavailable."),
        required=lazystr(NO_REASON),
        longest=mails.LONGEST_REASON,
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
