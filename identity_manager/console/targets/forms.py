"""Forms of targets."""

from typing import Any, cast

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import HoldBack, PlacementState, TokenType
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.models.targets.placement import MAY_BE_REPEATED
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.workflow.targets import uses
from identity_manager.workflow.targets.planning import encrypts_mail


class UseForm(VerbForm):
    """Which type the target is for, and until when certificates are held back."""

    type_code = forms.ChoiceField(
        label=_("Token type"),
        help_text=_("Types with a certificate that mail can be encrypted to."),
        error_messages={"required": lazystr(uses.NO_SUCH_TYPE), "invalid_choice": lazystr(uses.NO_SUCH_TYPE)},
    )
    hold_back = forms.ChoiceField(
        label=_("Hold back"),
        choices=HoldBack.choices,
        initial=HoldBack.NOTED,
        widget=forms.RadioSelect,
        help_text=_("Nobody should encrypt to a key that the person does not have yet."),
        error_messages={"required": lazystr(uses.NO_HOLD_BACK), "invalid_choice": lazystr(uses.NO_HOLD_BACK)},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cast("forms.ChoiceField", self.fields["type_code"]).choices = [
            (each.code, str(each)) for each in offered_types() if _encrypts(each)
        ]


def _encrypts(token_type: TokenType) -> bool:
    return any(encrypts_mail(link.profile) for link in token_type.token_type_profiles.all())


class RefuseForm(VerbForm):
    """Why the target is not switched on."""

    reason = ReasonField(
        help_text=_("It stands on the page of the target and in the audit log."),
        required=lazystr(NO_REASON),
    )


class RepeatForm(VerbForm):
    """Which of them are published again; the button that was pressed says it."""

    state = forms.ChoiceField(
        choices=[(state.value, state.label) for state in map(PlacementState, MAY_BE_REPEATED)],
        error_messages={"required": _("Choose which certificates are published again.")},
    )


class ParkedForm(VerbForm):
    """What the officer saw at the target; the button that was pressed says it."""

    is_there = forms.TypedChoiceField(
        choices=[("yes", _("It is there")), ("no", _("It is not there"))],
        coerce=lambda value: value == "yes",
        error_messages={"required": _("Say whether it is there.")},
    )
