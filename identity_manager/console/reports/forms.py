"""The filters of reports, and how a saved one is sent."""

from django import forms
from django.utils.functional import lazystr
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.reports.report import Asked, Report
from identity_manager.console.search.forms import FilterField, KindForm, KnownField, units_within
from identity_manager.models import Mailing, Person, PersonKind
from identity_manager.people.saved_searches import NO_NAME

NO_PERIOD = _("There is no such period. Choose from the list.")


class ReportForm(KindForm):
    """The filters that the report declares."""

    q = None  # type: ignore[assignment]  # no words
    period = forms.ChoiceField(
        label=_("Period"), required=False, error_messages={"invalid_choice": NO_PERIOD}
    )
    person_kind = forms.ChoiceField(label=_("Persons"), required=False, choices=PersonKind.choices)
    unit = KnownField(_("Organisational unit"), anything=_("any unit"))
    token_type = FilterField(_("Token type"), anything=_("any type"))

    def __init__(self, *args: object, report: Report, actor: Person) -> None:
        self.report = report
        super().__init__(*args, actor=actor)

    def offer_known(self) -> None:
        """Leave out what the report does not know, and offer what it does."""
        for name in set(self.fields) - self.report.filters - {"period"}:
            del self.fields[name]
        if self.report.periods:
            words = _("the next {days} days") if self.report.ahead else _("the last {days} days")
            choices = [(str(days), format_lazy(words, days=days)) for days in self.report.periods]
            self.fields["period"].choices = choices  # type: ignore[attr-defined]  # a choice field
        else:
            del self.fields["period"]
        super().offer_known()
        if "unit" in self.fields:
            self.offer_values(unit=units_within(self.actor, self.report.readers))

    @property
    def asked(self) -> Asked:
        """Arguments of the report, from the valid form."""
        wanted = self.cleaned_data
        return Asked(
            self.actor,
            days=int(wanted.get("period") or (*self.report.periods, 0)[0]),
            unit=wanted.get("unit", ""),
            token_type=wanted.get("token_type", ""),
            person_kind=wanted.get("person_kind") or PersonKind.EMPLOYEE,
        )


class SaveForm(VerbForm):
    """Form with the name of a saved report, and how often a link to it is sent."""

    name = forms.CharField(
        label=_("Name"),
        help_text=_("Only you see it, on the page of reports."),
        error_messages={"required": lazystr(NO_NAME)},
    )
    mailing = forms.ChoiceField(
        label=_("Link by mail"),
        choices=Mailing.choices,
        required=False,
        help_text=_(
            "The mail has a link, which opens after you have signed in. It says no names and no numbers."
        ),
    )


class MailingForm(VerbForm):
    """How often a link to a saved report is sent."""

    mailing = SaveForm.base_fields["mailing"]
