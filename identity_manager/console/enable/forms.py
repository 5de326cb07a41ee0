"""The form of Enable: at least one token type, each on a choice card."""

from collections.abc import Iterable
from typing import Any

from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.ui.forms import CardsField, PurposeField
from identity_manager.ui.parts import Card, type_icon
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.policy.eligibility import TypeChoice


class EnableForm(VerbForm):
    """Step 1: the types that a person is enabled for."""

    types = CardsField(
        label=_("Software token types"), error_messages={"required": lazystr(eligibility.NO_TYPE)}
    )
    purpose = PurposeField()

    def __init__(self, *args: Any, choices: Iterable[TypeChoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["types"]
        assert isinstance(field, CardsField)  # noqa: S101 narrows the declared type
        offered = list(choices)
        field.choices = [(str(choice.token_type.pk), _type_card(choice)) for choice in offered]
        PurposeField.add_to(self, (choice.token_type for choice in offered))


def _type_card(choice: TypeChoice) -> Card:
    profiles = len(choice.token_type.token_type_profiles.all())
    number = ngettext("%(count)d certificate", "%(count)d certificates", profiles) % {"count": profiles}
    line = f"{choice.token_type.description} ({number})"
    return Card(
        str(choice.token_type),
        line,
        reason=choice.reason.sentence if choice.reason else "",
        icon=type_icon(choice.token_type.code),
    )
