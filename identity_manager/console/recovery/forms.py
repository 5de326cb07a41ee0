"""The forms of recoveries by officers: ask, approve, reject, give a share."""

import uuid
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import lazystr
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.archive.forms import ShareForm
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import Person
from identity_manager.ui.dates import long_date
from identity_manager.workflow.recovery import decisions, policy
from identity_manager.workflow.step1_recover import KeyChoice, OfficersOrder

UNKNOWN_PERSON = _("Nobody has this personnel number.")


class AskForm(VerbForm):
    """Form to ask for a recovery: which archived keys, for whom, and why."""

    keys = forms.MultipleChoiceField(
        label=_("Archived keys"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": lazystr(policy.NO_KEYS),
            "invalid_choice": lazystr(policy.UNKNOWN_KEY),
        },
    )
    purpose = ReasonField(
        help_text=_("Recovery Officers and auditors read it. It stands in no mail and in no file."),
        required=lazystr(policy.NO_PURPOSE),
    )
    beneficiary = forms.CharField(
        label=_("For somebody else: personnel number"),
        help_text=_("Left empty, the owner gets the keys. Else a deputy, say, or who answers a court."),
        required=False,
        max_length=64,
    )
    reference = forms.CharField(
        label=_("Reference number"),
        help_text=_("For somebody else. It stands in the name of each key."),
        required=False,
        max_length=40,
    )
    until = forms.DateField(
        label=_("Last day"),
        help_text=_("For somebody else. After it the files are removed here."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": _("Enter a day, such as 2030-12-31.")},
    )

    ask_owner = forms.BooleanField(
        label=_("Ask the owner whether they agree"),
        help_text=_(
            "For somebody else. The owner gets a mail at once and answers in Open Tasks; officers read the"
            " answer. Leave it unticked if the owner must not know."
        ),
        required=False,
    )

    def __init__(self, *args: Any, choices: list[KeyChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["keys"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 narrows the declared type
        field.choices = [(str(each.key.pk), words_of(each)) for each in choices]

    def clean_beneficiary(self) -> Person | None:
        number = self.cleaned_data["beneficiary"].strip()
        found = Person.objects.filter(personnel_number=number).first() if number else None
        if number and found is None:
            raise forms.ValidationError(UNKNOWN_PERSON)
        return found

    def order(self, owner: Person) -> OfficersOrder:
        """The order for the verb."""
        given = self.cleaned_data
        return OfficersOrder(
            owner_id=owner.pk,
            beneficiary_id=(given["beneficiary"] or owner).pk,
            key_ids=[uuid.UUID(key) for key in given["keys"]],
            purpose=given["purpose"],
            reference=given["reference"],
            until=given["until"],
            ask_owner=given["ask_owner"],
        )


def words_of(choice: KeyChoice) -> str:
    """How a key stands in the form: its profile, the end of its serial number, its last day."""
    row = choice.key.certificate
    if row is None:
        return str(choice.key)
    ends = long_date(timezone.localdate(row.not_after)) if row.not_after else ""
    return gettext("%(profile)s, %(serial)s, until %(day)s") % {
        "profile": row.profile,
        "serial": row.serial[-8:],
        "day": ends,
    }


class SeenForm(VerbForm):
    """The digest of what the officer saw."""

    seen = forms.CharField(
        widget=forms.HiddenInput,
        max_length=64,
        error_messages={"required": lazystr(decisions.SEEN_DIFFERS)},
    )


class ApproveForm(SeenForm):
    """Approval of exactly what the page showed."""

    keep_silent = forms.CharField(
        label=_("Why the owner is not told"),
        help_text=_("Leave it empty, and the owner gets a mail. It counts only where both officers say why."),
        required=False,
        max_length=500,
    )


class RejectForm(SeenForm):
    """Rejection with a reason."""

    reason = ReasonField(
        help_text=_("Who asked reads it."), required=lazystr(decisions.NO_REASON), longest=500
    )


class SeenShareForm(SeenForm, ShareForm):
    """The officer's share, for what they saw."""
