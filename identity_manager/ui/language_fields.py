"""A form field for a text in languages: one input for each language of the installation."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from identity_manager.models.text_in_languages import Texts, languages


class LanguagesWidget(forms.Widget):
    """One input for each language. The installation's own has the field's name, others `name_language`."""

    template_name = "ui/widgets/languages.html"
    use_fieldset = True

    def value_from_datadict(self, data: Mapping[str, Any], _files: Any, name: str) -> dict[str, str]:
        return {
            language: str(data.get(each, "")).strip()
            for each, language, _called in inputs(name)
            if each in data
        }

    def value_omitted_from_data(self, data: Mapping[str, Any], _files: Any, name: str) -> bool:
        return name not in data

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        texts = Texts(value or "")
        context["is_invalid"] = "aria-invalid" in context["widget"]["attrs"]
        context["inputs"] = [
            {
                "name": each,
                "suffix": each.removeprefix(name),
                "language": language,
                "called": called,
                "text": texts.get(language, ""),
            }
            for each, language, called in inputs(name)
        ]
        return context


class LanguagesField(forms.Field):
    """A field of Texts. If it is required, the text in the installation's own language is."""

    widget = LanguagesWidget

    def __init__(self, *, max_length: int, **kwargs: Any) -> None:
        self.max_length = max_length
        super().__init__(**kwargs)

    def clean(self, value: Any) -> Texts:
        """Raises ValidationError for a text that is too long, or missing in the own language."""
        texts = Texts(value or "")
        (own, _called), *others = languages()
        if self.required and own not in texts:
            raise ValidationError(self.error_messages["required"], code="required")
        for language, called in ((own, ""), *others):
            self._check_length(texts.get(language, ""), called)
        return texts

    def has_changed(self, initial: Any, data: Any) -> bool:
        return Texts(initial or "") != Texts(data or "")

    def _check_length(self, text: str, called: Any) -> None:
        if len(text) <= self.max_length:
            return
        words = {"language": called, "most": self.max_length, "length": len(text)}
        sentence = (
            _("%(language)s: at most %(most)d characters; these are %(length)d.")
            if called
            else _("At most %(most)d characters; these are %(length)d.")
        )
        raise ValidationError(sentence % words, code="max_length")


def inputs(name: str) -> list[tuple[str, str, Any]]:
    """Name, language and the language's name of each input of the field."""
    (own, own_name), *others = languages()
    return [(name, own, own_name), *((f"{name}_{language}", language, called) for language, called in others)]
