"""Form rendering: label above, help below, error between, summary at the top."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db.models.fields import BLANK_CHOICE_DASH
from django.forms.renderers import TemplatesSetting
from django.forms.utils import ErrorList
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from identity_manager.models import PurposeRule, TokenType
from identity_manager.models.catalogue.token_type import LONGEST_PURPOSE
from identity_manager.ui.markup import markup
from identity_manager.ui.parts import Card

TOO_LONG = _("At most %(limit_value)d characters; these are %(show_value)d.")
INPUTS = {widget.template_name for widget in (forms.TextInput, forms.DateInput, forms.HiddenInput)}


class FormRenderer(TemplatesSetting):
    """Renders `{{ form }}` and `{{ form.name.as_field_group }}` with the templates in templates/ui/."""

    form_template_name = "ui/form.html"
    field_template_name = "ui/field.html"

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        """Renders frequent widgets (selects, plain inputs, empty errors) without a template, for speed."""
        # No maxlength: a browser would truncate pasted text silently; the server refuses it and keeps it.
        context.get("widget", {}).get("attrs", {}).pop("maxlength", None)
        if template_name == forms.Select.template_name:
            return _select(context["widget"])
        if template_name in INPUTS:
            return _input(context["widget"])
        if template_name == ErrorList.template_name and not context["errors"]:
            return ""
        return super().render(template_name, context, request)


def _select(widget: dict[str, Any]) -> SafeString:
    drawn = SafeString()
    for group, options, _index in widget["optgroups"]:
        lines = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((str(each["value"]), _attributes(each["attrs"]), _said(each["label"])) for each in options),
        )
        drawn += markup('<optgroup label="{}">{}</optgroup>', group, lines) if group else lines
    return markup('<select name="{}"{}>{}</select>', widget["name"], _attributes(widget["attrs"]), drawn)


def _said(label: Any) -> Any:
    """The label of a choice; for none of them one dash, as everywhere, instead of Django's nine hyphens."""
    return "–" if label == BLANK_CHOICE_DASH[0][1] else label


def _input(widget: dict[str, Any]) -> SafeString:
    value = widget["value"]
    has_value = "" if value is None else markup(' value="{}"', str(value))
    drawn = (widget["type"], widget["name"], has_value, _attributes(widget["attrs"]))
    return markup('<input type="{}" name="{}"{}{}>', *drawn)


def _attributes(given: dict[str, Any]) -> SafeString:
    """HTML attributes as Django's template writes them."""
    wanted = ((name, value) for name, value in given.items() if value is not False)
    drawn = (
        markup(" {}", name) if value is True else markup(' {}="{}"', name, str(value))
        for name, value in wanted
    )
    return SafeString("".join(drawn))  # each is safe


class FilterSelect(forms.Select):
    """Select of plain, optional choices, rendered without Django's per-option work."""

    def use_required_attribute(self, _initial: Any) -> bool:
        """False, without evaluating all choices as Django does."""
        return False

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:  # noqa: ARG002 draws it itself
        chosen = "" if value is None else str(value)
        options = "".join(_option(str(key), str(label), str(key) == chosen) for key, label in self.choices)
        drawn = _attributes({"name": name, **self.build_attrs(self.attrs, attrs)})
        return SafeString(f"<select{drawn}>{options}</select>")  # each is safe


@lru_cache(maxsize=4096, typed=True)  # safe text is not plain text
def _option(value: str, label: str, is_chosen: bool) -> SafeString:  # noqa: FBT001 of one place
    chosen = SafeString(" selected" if is_chosen else "")
    return markup('<option value="{}"{}>{}</option>', value, chosen, label)


class PurposeField(forms.CharField):
    """The purpose of a request, in plain text; the verb checks whether it is mandatory."""

    widget = forms.Textarea(attrs={"rows": 2})

    def __init__(self) -> None:
        super().__init__(
            label=_("What is it for?"),
            help_text=_("Approvers read this first. It stays with the request and in the audit log."),
            required=False,
            max_length=LONGEST_PURPOSE,
            error_messages={"max_length": TOO_LONG},
        )

    @classmethod
    def add_to(cls, form: forms.BaseForm, types: Iterable[TokenType]) -> None:
        """Keep the form's field `purpose` only if one of the types has it; list types that demand it."""
        offered = list(types)
        if all(each.purpose_rule == PurposeRule.NEVER for each in offered):
            del form.fields["purpose"]
            return
        demanding = [str(each) for each in offered if each.purpose_rule == PurposeRule.MUST]
        if demanding:
            field = form.fields["purpose"]
            words = _("%(names)s: not given without it.") % {"names": ", ".join(demanding)}
            field.help_text = f"{field.help_text} {words}"


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
        option["input"] = _input(option)
        return option


class ChoiceCards(_CardOptions, forms.CheckboxSelectMultiple):
    """Check boxes as cards. Choices are (value, Card)."""


class RadioCards(_CardOptions, forms.RadioSelect):
    """Radio buttons as cards. Choices are (value, Card)."""


class CardsField(forms.MultipleChoiceField):
    """Multiple choice of cards. A disabled card is refused with its reason."""

    widget = ChoiceCards
    default_error_messages = dict.fromkeys(
        ("invalid_choice", "invalid_list"),
        _("What was checked is not offered any more as it was. Look at the choices, and check again."),
    )

    def validate(self, value: Iterable[str]) -> None:
        super().validate(list(value))
        offered = cast("Iterable[tuple[object, object]]", self.choices)
        reasons = {str(key): card.reason for key, card in offered if isinstance(card, Card) and card.reason}
        refused = [reasons[key] for key in value if key in reasons]
        if refused:
            raise ValidationError(refused)
