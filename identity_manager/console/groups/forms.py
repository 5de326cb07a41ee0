"""Forms of groups that are made by hand."""

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.people.groups import NO_GROUP_NAME, NO_NUMBERS
from identity_manager.ui.forms import TOO_LONG

LONGEST_LIST = 40_000  # characters


class GroupForm(VerbForm):
    """Form with the name of a group."""

    name = forms.CharField(
        label=_("Name"),
        max_length=256,
        error_messages={"required": lazystr(NO_GROUP_NAME), "max_length": TOO_LONG},
    )


class MembersForm(VerbForm):
    """Form with the personnel numbers of persons to be put into a group."""

    numbers = forms.CharField(
        label=_("Personnel numbers"),
        help_text=_("One on each line, at most 500. Who adds somebody approves nothing for them."),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=LONGEST_LIST,
        error_messages={"required": lazystr(NO_NUMBERS), "max_length": TOO_LONG},
    )

    def clean_numbers(self) -> list[str]:
        said: str = self.cleaned_data["numbers"]
        return said.splitlines()
