"""Forms of the person's own requests: to ask for tokens, to withdraw."""

import uuid
from typing import Any

from django.utils.translation import gettext_lazy as _

from identity_manager.models import (
    Person,
)
from identity_manager.ui.forms import CardsField, PurposeField
from identity_manager.workflow.policy import eligibility
from selfservice.refusals import VerbForm, error_message
from selfservice.requests.type_choices import cards


class RequestForm(VerbForm):
    """Form to request software tokens: the types, and a purpose where one is asked for."""

    types = CardsField(
        label=_("Which software tokens do you want?"),
        error_messages={"required": error_message(eligibility.NO_TYPE)},
    )
    purpose = PurposeField()

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = eligibility.type_choices(person, own=True)
        self.fields["types"].choices = cards(person, choices)  # type: ignore[attr-defined]  # a CardsField
        PurposeField.add_to(self, (choice.token_type for choice in choices))

    @property
    def type_ids(self) -> list[uuid.UUID]:
        return [uuid.UUID(value) for value in self.cleaned_data["types"]]

    @property
    def purpose_said(self) -> str:
        """The purpose; empty if no type asks for one."""
        return str(self.cleaned_data.get("purpose", ""))


class WithdrawForm(VerbForm):
    """A click on **Withdraw the request**."""
