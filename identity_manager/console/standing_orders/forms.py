"""Forms of standing orders."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.search import saved_searches
from identity_manager.console.search.saved_searches import Saved
from identity_manager.models import DirectoryGroup, LossRule, Person, PersonKind, StandingBasis
from identity_manager.models.catalogue.token_type import LONGEST_PURPOSE, offered_types
from identity_manager.ui.forms import TOO_LONG, RadioCards
from identity_manager.workflow.standing_orders.orders import LONGEST_NAME, NO_NAME, StandingOrderInput

FOLLOWED = {"q": "text", "department": "department", "unit": "organisational_unit"}
OF_THE_PAGE = frozenset({"order", "columns", "kind", "of"})
NOT_FOLLOWED = _(
    "A standing order follows words, department and organisational unit. This search looks for something else"
    " too, which the order itself would change."
)
NOT_CHOSEN = _("You chose something else above. Leave this empty, or choose it there.")
NONE = ("", "–")


class StandingOrderForm(VerbForm):
    """Form of a standing order: who has which token type, and what becomes of it when they leave."""

    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        help_text=_("Officers read it, and batch orders name it as their cause."),
        error_messages={"required": lazystr(NO_NAME), "max_length": TOO_LONG},
    )
    basis = forms.ChoiceField(
        label=_("Who has the token type"),
        choices=StandingBasis.choices,
        initial=StandingBasis.GROUP,
        widget=forms.RadioSelect,
        help_text=_("Fill in the field of what you choose, and leave the two others empty."),
        error_messages={"required": _("Choose who has the token type.")},
    )
    group = forms.ChoiceField(label=_("Group"), required=False)
    unit = forms.CharField(label=_("Organisational unit"), required=False, max_length=200)
    search = forms.ChoiceField(
        label=_("Saved search"),
        required=False,
        help_text=_(
            "One of yours, for persons, by words, department and unit. The order keeps what it looks for now."
        ),
    )
    type_code = forms.ChoiceField(
        label=_("Token type"), error_messages={"required": _("Choose the token type.")}
    )
    loss_rule = forms.ChoiceField(
        label=_("Who leaves"),
        choices=LossRule.choices,
        initial=LossRule.REVOKE,
        widget=RadioCards,
        help_text=_("What becomes of their software token. A request that is not issued yet is cancelled."),
        error_messages={"required": _("Choose what becomes of the token of who leaves.")},
    )
    purpose = forms.CharField(
        label=_("What it is for"),
        required=False,
        max_length=LONGEST_PURPOSE,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": TOO_LONG},
    )

    def __init__(self, *args: Any, actor: Person, **more: Any) -> None:
        super().__init__(*args, **more)
        self._saved = {str(each.row.pk): each for each in _searches(actor)}
        groups = DirectoryGroup.objects.filter(gone_at=None).select_related("source")
        self._choose("group", [(str(row.pk), _group_words(row)) for row in groups])
        self._choose("search", [(key, each.row.name) for key, each in self._saved.items()])
        self._choose("type_code", [(row.code, str(row)) for row in offered_types()])

    @property
    def members(self) -> list[forms.BoundField]:
        """The fields of which exactly one is wanted: each has the name of its basis."""
        return [self[name] for name in StandingBasis.values]

    def clean(self) -> dict[str, Any] | None:
        said = super().clean()
        for name in StandingBasis.values:
            if name != self.cleaned_data.get("basis") and self.cleaned_data.get(name):
                self.add_error(name, NOT_CHOSEN)
        return said

    def clean_search(self) -> str:
        """A search that looks for what the order itself changes would give and take in turns."""
        chosen: str = self.cleaned_data["search"]
        asked = self._saved[chosen].search.wanted if chosen else {}
        if any(value for name, value in asked.items() if name not in {*FOLLOWED, *OF_THE_PAGE}):
            raise forms.ValidationError(NOT_FOLLOWED)
        return chosen

    @property
    def wanted(self) -> StandingOrderInput:
        """Arguments of the verb, from the valid form."""
        said = self.cleaned_data
        basis = StandingBasis(said["basis"])
        saved = self._saved.get(said["search"]) if basis == StandingBasis.SEARCH else None
        criteria = {"organisational_unit": said["unit"]} if basis == StandingBasis.UNIT else {}
        if saved is not None:
            criteria = {ours: saved.search.wanted[name] or "" for name, ours in FOLLOWED.items()}
            criteria["kind"] = saved.kind.name
        return StandingOrderInput(
            name=said["name"],
            basis=basis,
            type_code=said["type_code"],
            loss_rule=LossRule(said["loss_rule"]),
            group=said["group"] or None if basis == StandingBasis.GROUP else None,
            criteria=criteria,
            search_name=saved.row.name if saved else "",
            purpose=said["purpose"],
        )

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = [NONE, *choices]


class ConfirmForm(VerbForm):
    """Form to confirm a standing order; seen: the dry run that the second officer has read."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)


class RejectForm(VerbForm):
    """Form with the reason why the second officer does not put the order in force."""

    reason = ReasonField(
        help_text=_("It stands on the page of the standing order and in the audit log."),
        required=_("Say why it is not put in force."),
    )


def _searches(actor: Person) -> Iterator[Saved]:
    kinds = set(PersonKind.values)
    return (each for each in saved_searches.of(actor) if each.kind.name in kinds and each.search.is_valid)


def _group_words(row: DirectoryGroup) -> str:
    return f"{row.name} ({row.source or _('made by hand')})"
