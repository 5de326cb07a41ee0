"""The forms of Identity Manager. Each goes to one verb or to one list."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.refusals import VerbForm
from identity_manager.models import SoftwareToken
from identity_manager.models.certificate import REVOCATION_REASONS
from identity_manager.models.token_type import CONTAINER_FORMATS
from identity_manager.ui.forms import TOO_LONG, CardsField
from identity_manager.ui.parts import Card, type_icon
from identity_manager.workflow import policy, step2_approve
from identity_manager.workflow.errors import NO_REASON
from identity_manager.workflow.policy import TypeChoice

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

OPEN = "open"
MAIL_REFUSED = "mail-refused"
LONGEST_REASON = 2000
EARLIEST, LATEST = date(1990, 1, 1), date(2199, 12, 31)
OUT_OF_DAYS = _("Give a day between the years 1990 and 2199.")
NO_ONE_MOMENT = _("The clocks change then: this time comes twice, or not at all. Choose another hour.")


class ReasonField(forms.CharField):
    """A few lines of text that say why. required is what stands there when they are left out."""

    widget = forms.Textarea(attrs={"rows": 3})

    def __init__(
        self, *, help_text: "StrOrPromise", required: "StrOrPromise", longest: int = LONGEST_REASON
    ) -> None:
        super().__init__(
            label=_("Reason"),
            help_text=help_text,
            max_length=longest,
            error_messages={"required": required, "max_length": TOO_LONG},
        )


class EnableForm(VerbForm):
    """Step 1: the types that a person is enabled for."""

    types = CardsField(label=_("Software token types"), error_messages={"required": lazystr(policy.NO_TYPE)})

    def __init__(self, *args: Any, choices: Iterable[TypeChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["types"]
        assert isinstance(field, CardsField)  # noqa: S101 narrows the declared type
        field.choices = [(str(choice.token_type.pk), _type_card(choice)) for choice in choices]


def _type_card(choice: TypeChoice) -> Card:
    profiles = len(choice.token_type.token_type_profiles.all())
    number = ngettext("%(count)d certificate", "%(count)d certificates", profiles) % {"count": profiles}
    line = f"{choice.token_type.summary} ({number})"
    return Card(
        str(choice.token_type),
        line,
        reason=choice.reason.sentence if choice.reason else "",
        icon=type_icon(choice.token_type.code),
    )


class PressForm(VerbForm):
    """A button with nothing to fill in."""


class AskForm(VerbForm):
    """A sign-in code, for a forgotten password or for lost second factors as well."""

    resets_second_factors = forms.BooleanField(
        label=_("The second factors are lost, too"),
        help_text=_("The code removes all of them when it is used. Otherwise they are asked for as before."),
        required=False,
    )


class DecisionForm(VerbForm):
    """Carries what the approver saw: a request that changed meanwhile is not decided by an old page."""

    snapshot_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)


class LinesField(forms.MultipleChoiceField):
    """Some of the tokens of a request; one that is not there any more is the verb's business to refuse."""

    widget = forms.CheckboxSelectMultiple

    def valid_value(self, value: str) -> bool:
        try:
            return bool(uuid.UUID(value))
        except ValueError:
            return False


class RejectForm(DecisionForm):
    """Step 2: no, and why; to all, or of a mixed request to single types."""

    lines = LinesField(
        label=_("What is rejected"),
        help_text=_("What you leave unchecked goes on and waits for its own decision."),
        error_messages={"required": lazystr(step2_approve.NO_LINE)},
    )
    reason = ReasonField(
        help_text=_("The person who asked reads this."), required=lazystr(step2_approve.NO_REASON)
    )

    def __init__(self, *args: Any, lines: Sequence[SoftwareToken], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ids = [str(token.pk) for token in lines]
        if len(ids) > 1:
            self.fields["lines"].initial = ids
            names = [str(token.token_type) for token in lines]
            self.fields["lines"].choices = list(zip(ids, names, strict=True))  # type: ignore[attr-defined]  # a LinesField
        else:
            del self.fields["lines"]
        self._all = {token.pk for token in lines}

    @property
    def single_lines(self) -> list[uuid.UUID]:
        """The types that are taken out; empty where the request is rejected as a whole."""
        chosen = {uuid.UUID(value) for value in self.cleaned_data.get("lines", ())}
        return [] if chosen >= self._all else list(chosen)


class RoundForm(VerbForm):
    """Carries the changes that the officer saw: what has changed again is not sent round by an old page."""

    changes_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)


class MomentField(forms.DateTimeField):
    """A moment in the officer's time zone. Far ones would leave the calendar once time zones come in."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    default_error_messages = {"out_of_days": OUT_OF_DAYS}

    def to_python(self, value: Any) -> datetime | None:
        """Django's own sentence for the hours in which the clocks change speaks to programmers."""
        try:
            moment: datetime | None = super().to_python(value)
        except OverflowError as error:
            raise self._out_of_days() from error
        except forms.ValidationError as error:
            if error.code == "ambiguous_timezone":
                raise forms.ValidationError(NO_ONE_MOMENT, code=error.code) from error
            raise
        if moment is not None and not EARLIEST <= moment.date() <= LATEST:
            raise self._out_of_days()
        return moment

    def _out_of_days(self) -> forms.ValidationError:
        return forms.ValidationError(self.error_messages["out_of_days"], code="out_of_days")


class PostponeForm(DecisionForm):
    """Step 2: not now."""

    until = MomentField(
        label=_("Until"),
        help_text=_("The task comes back to OPEN TASKS then, for every approver. At most 90 days."),
        error_messages=dict.fromkeys(
            ("required", "invalid", "out_of_days"), lazystr(step2_approve.NOT_IN_THE_FUTURE)
        ),
    )


class CancelForm(VerbForm):
    """Why a request is cancelled."""

    reason = ReasonField(help_text=_("It stays on the request's page."), required=lazystr(NO_REASON))


class GiveUpForm(VerbForm):
    """Why an order is given up: what was seen at the CA."""

    reason = ReasonField(
        help_text=_("What you saw at the certificate authority. It stays on the request's page."),
        required=lazystr(NO_REASON),
    )


class LeaveFoundForm(VerbForm):
    """Why what was found at a CA is left as it is."""

    reason = ReasonField(
        help_text=_("Whose certificate it is, or why it may stay. It stays in the audit log."),
        required=lazystr(NO_REASON),
    )


class RevokeForm(VerbForm):
    """Why a token is revoked; the reason stands in the CA's revocation list."""

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=REVOCATION_REASONS,
        widget=forms.RadioSelect,
        help_text=_("The certificate authority publishes it with the serial numbers."),
        error_messages={"required": _("Choose why it is revoked.")},
    )


class SendAgainForm(VerbForm):
    """In which format the files go out again."""

    container_format = forms.ChoiceField(
        label=_("Format"),
        choices=CONTAINER_FORMATS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a format.")},
    )
