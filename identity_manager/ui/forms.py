"""How forms are drawn: label above, help below, the error with its icon between, a summary at the top."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.renderers import TemplatesSetting

from identity_manager.ui.parts import Card


class FormRenderer(TemplatesSetting):
    """Draws `{{ form }}` and `{{ form.name.as_field_group }}` with the templates in templates/ui/."""

    form_template_name = "ui/form.html"
    field_template_name = "ui/field.html"


class _CardOptions(forms.widgets.ChoiceWidget):
    template_name = "ui/widgets/choice_cards.html"

    def create_option(self, name: str, value: Any, label: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, label, *args, **kwargs)
        card = label if isinstance(label, Card) else Card(label)
        option["card"] = card
        if card.reason:
            option["attrs"]["disabled"] = True
        if card.line or card.reason:
            option["attrs"]["aria-describedby"] = f"{option['attrs'].get('id', name)}_line"
        return option


class ChoiceCards(_CardOptions, forms.CheckboxSelectMultiple):
    """Check boxes as cards. Choices are (value, Card)."""


class RadioCards(_CardOptions, forms.RadioSelect):
    """Radio buttons as cards. Choices are (value, Card)."""


class CardsField(forms.MultipleChoiceField):
    """Any number of cards. A card that says why it cannot be chosen is refused with that reason."""

    widget = ChoiceCards

    def validate(self, value: Iterable[str]) -> None:
        super().validate(list(value))
        offered = cast("Iterable[tuple[object, object]]", self.choices)
        reasons = {str(key): card.reason for key, card in offered if isinstance(card, Card) and card.reason}
        refused = [reasons[key] for key in value if key in reasons]
        if refused:
            raise ValidationError(refused)
