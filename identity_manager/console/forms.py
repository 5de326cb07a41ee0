"""The forms of Identity Manager. Each goes to one verb or to one list."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.refusals import VerbForm
from identity_manager.models import PersonKind, PersonState, RequestKind, RequestState
from identity_manager.models.certificate import REVOCATION_REASONS
from identity_manager.models.token_type import CONTAINER_FORMATS
from identity_manager.ui.forms import CardsField
from identity_manager.ui.parts import Card, type_icon
from identity_manager.workflow import policy, side_roads, step2_approve
from identity_manager.workflow.policy import TypeChoice

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

OPEN = "open"
MAIL_REFUSED = "mail-refused"
LONGEST_REASON = 2000


class ReasonField(forms.CharField):
    """A few lines of text that say why. required is what stands there when they are left out."""

    widget = forms.Textarea(attrs={"rows": 3})

    def __init__(self, *, help_text: "StrOrPromise", required: "StrOrPromise") -> None:
        super().__init__(
            label=_("Reason"),
            help_text=help_text,
            max_length=LONGEST_REASON,
            error_messages={"required": required},
        )


class SearchForm(forms.Form):
    """What SEARCH looks for. Everything may be left out."""

    kind = forms.ChoiceField(label=_("Search for"), choices=PersonKind.choices)
    q = forms.CharField(label=_("Name, number, e-mail or department"), max_length=200, required=False)
    state = forms.ChoiceField(
        label=_("State"), choices=[("", _("any state")), *PersonState.choices], required=False
    )


class RequestFilterForm(forms.Form):
    """Which requests the list shows."""

    q = forms.CharField(label=_("Reference or person"), max_length=200, required=False)
    state = forms.ChoiceField(
        label=_("State"),
        choices=[
            ("", _("any state")),
            (OPEN, _("all that are open")),
            (MAIL_REFUSED, _("with a refused mail")),
            *RequestState.choices,
        ],
        required=False,
    )
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[("", _("any kind")), *RequestKind.choices], required=False
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


class DecisionForm(VerbForm):
    """Carries what the approver saw: a request that changed meanwhile is not decided by an old page."""

    snapshot_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)


class RejectForm(DecisionForm):
    """Step 2: no, and why."""

    reason = ReasonField(
        help_text=_("The person who asked reads this."), required=lazystr(step2_approve.NO_REASON)
    )


class PostponeForm(DecisionForm):
    """Step 2: not now."""

    until = forms.DateTimeField(
        label=_("Until"),
        help_text=_("The task comes back to OPEN TASKS then, for every approver. At most 90 days."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        error_messages={"required": lazystr(step2_approve.NOT_IN_THE_FUTURE)},
    )


class CancelForm(VerbForm):
    """Why a request is cancelled."""

    reason = ReasonField(
        help_text=_("It stays on the request's page."), required=lazystr(side_roads.NO_REASON)
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
