"""Forms of targets."""

from functools import partial
from typing import Any, cast

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import mail_keys
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import HoldBack, PlacementState, TokenType
from identity_manager.models.catalogue.token_type import offered_types
from identity_manager.models.targets.placement import MAY_BE_REPEATED
from identity_manager.targets import connectors
from identity_manager.targets.configuration import SIGN_IN
from identity_manager.transactions.refusals import NO_REASON
from identity_manager.workflow.targets import uses
from identity_manager.workflow.targets.planning import takes


class UseForm(VerbForm):
    """Form to use a target for a token type, and until when certificates are held back."""

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

    def __init__(self, *args: Any, target: str, takes_keys: bool = False, **kwargs: Any) -> None:
        """takes_keys: keys go to the target, which are not held back; else certificates are published."""
        super().__init__(*args, **kwargs)
        is_fit = _has_keys_that_leave if takes_keys else partial(_is_taken, target)
        types = cast("forms.ChoiceField", self.fields["type_code"])
        types.choices = [(each.code, str(each)) for each in offered_types() if is_fit(each)]
        configuration = connectors.configuration_of(target)
        if takes_keys:
            types.help_text = _("Types whose keys may go to targets.")
            self.fields["hold_back"] = forms.CharField(
                widget=forms.HiddenInput, required=False, initial=HoldBack.ISSUED, empty_value=HoldBack.ISSUED
            )
        elif configuration is not None and configuration.kind == SIGN_IN:
            types.help_text = _("Types with a certificate for signing in.")
            self.fields["hold_back"].help_text = _("From then on the certificate opens the account.")
            self.fields["hold_back"].initial = HoldBack.ISSUED


def _is_taken(target: str, token_type: TokenType) -> bool:
    return any(takes(target, link.profile) for link in token_type.token_type_profiles.all())


def _has_keys_that_leave(token_type: TokenType) -> bool:
    profiles = [link.profile for link in token_type.token_type_profiles.all()]
    return token_type.keys_leave and bool(mail_keys.keys_that_leave(profiles))


class RefuseForm(VerbForm):
    """Form with the reason why the target is not switched on."""

    reason = ReasonField(
        help_text=_("It stands on the page of the target and in the audit log."),
        required=lazystr(NO_REASON),
    )


class RepeatForm(VerbForm):
    """Form to publish certificates in one state again; the button that was pressed says which state."""

    state = forms.ChoiceField(
        choices=[(state.value, state.label) for state in map(PlacementState, MAY_BE_REPEATED)],
        error_messages={"required": _("Choose which certificates are published again.")},
    )


class ParkedForm(VerbForm):
    """Form with what the officer saw at the target; the button that was pressed says it."""

    is_there = forms.TypedChoiceField(
        choices=[("yes", _("It is there")), ("no", _("It is not there"))],
        coerce=lambda value: value == "yes",
        error_messages={"required": _("Say whether it is there.")},
    )
