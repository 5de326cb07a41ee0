"""Fields of several rows: pairs of a kind and a text, or choices in an order. They work without scripts.

There are always a few empty rows more than are filled; what is left empty is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

SPARE_ROWS = 2
MOST_ROWS = 20
LONGEST_TEXT = 500  # characters; far more than any attribute of a name holds
Choices = Sequence[tuple[str, Any]]


class PairsWidget(forms.Widget):
    """Rows of a select and a text input; their names end in _kind and _text."""

    template_name = "ui/widgets/pairs.html"
    use_fieldset = True

    def __init__(self, *, choices: Choices, kind_label: Any, text_label: Any) -> None:
        super().__init__()
        self.choices = choices
        self.labels = (kind_label, text_label)

    def value_from_datadict(self, data: Any, _files: Any, name: str) -> list[list[str]]:
        kinds, texts = _all(data, f"{name}_kind"), _all(data, f"{name}_text")
        pairs = [[kind.strip(), text.strip()] for kind, text in zip(kinds, texts, strict=False)]
        return [pair for pair in pairs if any(pair)]

    def value_omitted_from_data(self, data: Any, _files: Any, name: str) -> bool:
        return f"{name}_kind" not in data

    def id_for_label(self, id_: str) -> str:
        """The first row's select: where the summary of errors leads."""
        return f"{id_}_0" if id_ else ""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        filled = list(value or [])
        context["is_invalid"] = "aria-invalid" in context["widget"]["attrs"]
        context["rows"] = filled + [["", ""]] * min(SPARE_ROWS, MOST_ROWS - len(filled))
        context["choices"] = self.choices
        context["kind_label"], context["text_label"] = self.labels
        return context


class PairsField(forms.Field):
    """A list of [kind, text], in the order of the rows."""

    def __init__(self, *, choices: Choices, kind_label: Any, text_label: Any, **kwargs: Any) -> None:
        self.kinds = {str(kind) for kind, _label in choices}
        widget = PairsWidget(choices=[("", "–"), *choices], kind_label=kind_label, text_label=text_label)
        super().__init__(widget=widget, **kwargs)

    def clean(self, value: Any) -> list[list[str]]:
        """Raises ValidationError for a row that is half filled, too long, or of an unknown kind."""
        pairs: list[list[str]] = list(value or [])
        if self.required and not pairs:
            raise ValidationError(self.error_messages["required"])
        if len(pairs) > MOST_ROWS:
            raise ValidationError(_("These are too many rows."))
        for number, (kind, text) in enumerate(pairs, start=1):
            if not kind or not text:
                raise ValidationError(_("Row %(number)d is half filled.") % {"number": number})
            if kind not in self.kinds:
                raise ValidationError(_("Row %(number)d is of an unknown kind.") % {"number": number})
            if len(text) > LONGEST_TEXT:
                words = {"number": number, "most": LONGEST_TEXT, "length": len(text)}
                raise ValidationError(
                    _("Row %(number)d has %(length)d characters. There can be %(most)d.") % words
                )
        return pairs

    def as_typed(self, value: Any) -> list[list[str]]:
        """The rows, also those that are half filled, as far as anybody types them; for a preview."""
        rows = [[kind, text] for kind, text in list(value or [])[:MOST_ROWS] if kind in self.kinds]
        return [[kind, text[:LONGEST_TEXT]] for kind, text in rows]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != list(data or [])


class OrderWidget(forms.Widget):
    """Several selects of one name: the first choice, the second, and so on."""

    template_name = "ui/widgets/order.html"
    use_fieldset = True

    def __init__(self, *, place_label: Any) -> None:
        super().__init__()
        self.choices: Choices = ()
        self.place_label = place_label

    def value_from_datadict(self, data: Any, _files: Any, name: str) -> list[str]:
        return [value for value in _all(data, name) if value]

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else ""

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        chosen = [str(each) for each in value or []]
        places = chosen + [""] * min(SPARE_ROWS, max(1, len(self.choices) - len(chosen)))
        context["is_invalid"] = "aria-invalid" in context["widget"]["attrs"]
        context["places"] = places
        context["choices"] = [("", "–"), *((str(key), label) for key, label in self.choices)]
        context["place_label"] = self.place_label
        return context


class OrderField(forms.Field):
    """An ordered selection of choices without duplicates; its value is a list of keys as text."""

    def __init__(self, *, place_label: Any, **kwargs: Any) -> None:
        super().__init__(widget=OrderWidget(place_label=place_label), **kwargs)

    def offer(self, choices: Iterable[tuple[str, Any]]) -> None:
        """Set the choices."""
        self.widget.choices = [(str(key), label) for key, label in choices]

    def clean(self, value: Any) -> list[str]:
        """Raises ValidationError for an empty selection, an unknown choice, or a duplicate."""
        chosen: list[str] = list(value or [])
        offered = {key for key, _label in self.widget.choices}
        if self.required and not chosen:
            raise ValidationError(self.error_messages["required"])
        if not set(chosen) <= offered:
            raise ValidationError(_("One of them cannot be chosen (any more)."))
        if len(set(chosen)) != len(chosen):
            raise ValidationError(_("Each stands in the order once."))
        return chosen

    def has_changed(self, initial: Any, data: Any) -> bool:
        return [str(each) for each in initial or []] != list(data or [])


def _all(data: Mapping[str, Any], name: str) -> list[str]:
    """Every value of the name: of a query, or of a plain mapping."""
    getlist = getattr(data, "getlist", None)
    return list(getlist(name)) if getlist else list(data.get(name, []))
