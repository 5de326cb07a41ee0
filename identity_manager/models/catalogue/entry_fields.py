"""Fields of catalogue entries: limits of numbers, lists of choices, and their messages.

A field's label, help, limits and choices stand on the model. Form, comparison of versions, history and
documents read them there, by `content_fields`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

Choices = Iterable[tuple[str, Any]]
OWN_MESSAGES = ("required", "min_value", "max_value")  # codes of messages that a form takes from the model


class ChoiceListField(models.JSONField):
    """A JSON list of choices, which may also hold values outside them. Migrations see a JSONField."""

    def __init__(self, *args: Any, item_choices: Choices = (), **kwargs: Any) -> None:
        self.item_choices = list(item_choices)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def formfield(self, **kwargs: Any) -> Any:
        """A form field with a check box for each choice."""
        return forms.MultipleChoiceField(
            label=self.verbose_name,
            help_text=self.help_text,
            required=not self.blank,
            choices=self.item_choices,
            widget=forms.CheckboxSelectMultiple,
            **{name: value for name, value in kwargs.items() if name == "error_messages"},
        )


def between(least: int, most: int, **messages: Any) -> dict[str, Any]:
    """Keyword arguments of a number field with limits, both included. messages: further ones, by code."""
    sentence = format_lazy(_("It must be from {least} to {most}."), least=least, most=most)
    return {
        "validators": [MinValueValidator(least), MaxValueValidator(most)],
        "error_messages": {"min_value": sentence, "max_value": sentence, **messages},
    }


def content_fields(model: type[models.Model]) -> dict[str, Any]:
    """The editable fields of a catalogue entry except the code, in order, by name."""
    fields = (*model._meta.concrete_fields, *model._meta.many_to_many)
    return {field.name: field for field in fields if field.editable and field.name != "code"}


def own_messages(field: Any) -> dict[str, Any]:
    """The model field's own error messages, by code, for use in forms."""
    return {code: field.error_messages[code] for code in OWN_MESSAGES if code in field.error_messages}
