"""Form fields and small forms that several pages of Identity Manager use."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.ui.forms import TOO_LONG

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

OPEN = "open"
MAIL_REFUSED = "mail-refused"
LONGEST_REASON = 2000
EARLIEST, LATEST = date(1990, 1, 1), date(2199, 12, 31)
OUT_OF_DAYS = _("Give a day between the years 1990 and 2199.")
NO_ONE_MOMENT = _("The clocks change then: this time comes twice, or not at all. Choose another hour.")


class MomentField(forms.DateTimeField):
    """A time in the officer's time zone, within the calendar's range in every time zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    default_error_messages = {"out_of_days": OUT_OF_DAYS}

    def to_python(self, value: Any) -> datetime | None:
        """Replaces Django's message about the hours in which clocks change."""
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


class ReasonField(forms.CharField):
    """A reason of a few lines. required: the error message for an empty one."""

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


class PressForm(VerbForm):
    """A button without fields."""


class AskForm(VerbForm):
    """A sign-in code, for a forgotten password or for lost second factors as well."""

    resets_second_factors = forms.BooleanField(
        label=_("The second factors are lost, too"),
        help_text=_("The code removes all of them when it is used. Otherwise they are asked for as before."),
        required=False,
    )


class LeaveFoundForm(VerbForm):
    """Reason for leaving a finding at a CA as it is."""

    reason = ReasonField(
        help_text=_("Whose certificate it is, or why it may stay. It stays in the audit log."),
        required=lazystr(NO_REASON),
    )
