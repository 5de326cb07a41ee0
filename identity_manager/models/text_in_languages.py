"""Text in languages: a JSON column `{language: text}`, which reads as the text in the active language."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models.fields.json import KeyTransform
from django.db.models.query_utils import DeferredAttribute
from django.utils.functional import Promise
from django.utils.translation import get_language, override


class Texts(dict[str, str]):
    """The same text in several languages, by language code; languages without a text are left out.

    As a string it is the text in the active language, else in the installation's, else in any.
    """

    def __init__(self, given: "Mapping[str, str] | str" = "") -> None:
        by_language = {settings.LANGUAGE_CODE: given} if isinstance(given, str) else given
        super().__init__({language: text for language, text in by_language.items() if text})

    def __str__(self) -> str:
        return self.in_language(get_language())

    def in_language(self, language: str | None) -> str:
        """The text in the language, else in the installation's, else in any; empty where there is none."""
        found = best_of(self, language)
        return self[found] if found else ""

    @property
    def default(self) -> str:
        """The text in the installation's language, for what everybody reads alike: files, logs, facts."""
        return self.in_language(settings.LANGUAGE_CODE)


def best_of(offered: Mapping[str, object], language: str | None) -> str | None:
    """Language to show, of those offered: the wanted one, its base, the installation's, or the first."""
    wanted = language or settings.LANGUAGE_CODE
    choices = (wanted, wanted.partition("-")[0], settings.LANGUAGE_CODE, *offered)
    return next((each for each in choices if each in offered), None)


def own_language() -> str:
    """The code of the installation's own language."""
    return settings.LANGUAGE_CODE


def languages() -> list[tuple[str, Any]]:
    """Code and name of each language of the installation, its own first."""
    return sorted(settings.LANGUAGES, key=lambda each: each[0] != settings.LANGUAGE_CODE)


def translated(message: Promise) -> Texts:
    """The message in each language of the installation, from the product's catalogues."""
    found = {}
    for language, _name in settings.LANGUAGES:
        with override(language):
            found[language] = str(message)
    return Texts(found)


class _TextsAttribute(DeferredAttribute):
    """Converts assigned values to Texts; a plain string is the text in the installation's language."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        is_expression = hasattr(value, "resolve_expression")
        found = value if is_expression or isinstance(value, Texts) else Texts(value or "")
        instance.__dict__[self.field.attname] = found


class TextInLanguages(models.JSONField):
    """A text of at most max_length characters in each language.

    Unless blank, there is one in the installation's own language.
    """

    descriptor_class = _TextsAttribute

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"default": Texts, "db_default": {}, **kwargs})

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        found = super().from_db_value(value, expression, connection)
        return found if isinstance(expression, KeyTransform) else Texts(found or "")

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(dict(value) if isinstance(value, Texts) else value)

    def validate(self, value: Any, model_instance: Any) -> None:
        """Raises ValidationError for a text that is too long, and where the installation's own is missing."""
        super().validate(value or None, model_instance)
        if value and not self.blank and settings.LANGUAGE_CODE not in value:
            raise ValidationError(self.error_messages["blank"], code="blank")
        for text in value.values():
            MaxLengthValidator(self.max_length)(text)

    def formfield(self, **kwargs: Any) -> Any:
        """A form names its own class of field, which draws one input for each language."""
        options = {"max_length": self.max_length, "show_hidden_initial": False, **kwargs}
        return models.Field.formfield(self, **options)

    def value_to_string(self, obj: models.Model) -> Any:
        return dict(self.value_from_object(obj))
