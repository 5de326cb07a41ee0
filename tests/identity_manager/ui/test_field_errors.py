"""The error of a field that was left empty names it: "Enter the given name."."""

from collections.abc import Iterator

from django import forms
from django.forms.forms import BaseForm
from django.urls import get_resolver

FROM_ALLAUTH = {"password", "oldpassword", "password1", "password2"}  # their words are set in __init__
WITHOUT_THE_FIELD = ("This field is required.", "This is needed.", "Enter a value.")


def test_every_field_that_is_needed_says_what_to_enter() -> None:
    unnamed = [
        f"{form.__module__}.{form.__qualname__}.{name}"
        for form in product_forms()
        for name, field in form.base_fields.items()
        if field.required and not isinstance(field.widget, forms.HiddenInput)
        if str(field.error_messages["required"]) in WITHOUT_THE_FIELD and name not in FROM_ALLAUTH
    ]
    assert unnamed == []


def product_forms() -> Iterator[type[BaseForm]]:
    get_resolver()._populate()  # imports all forms
    for form in descendants(BaseForm):
        if (
            form.__module__.startswith(("identity_manager.", "selfservice."))
            and "gallery" not in form.__module__
        ):
            yield form


def descendants(kind: type[BaseForm]) -> Iterator[type[BaseForm]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)
