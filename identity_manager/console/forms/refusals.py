"""The one place where a verb's refusal becomes something to read: at its field, or above the page."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, QueryDict

from identity_manager.models import Person
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.bidi import isolated

UNPROCESSABLE = 422
REFUSED_NAMED = 5


class VerbForm(forms.Form):
    """A form whose content goes to one verb. refused is the verb's refusal, once it was told."""

    refused: Refused | None = None


def post_data(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with; None where a page is only opened. A button alone sends nothing."""
    return request.POST if request.method == "POST" else None


@contextmanager
def show_refusal(form: VerbForm) -> Iterator[None]:
    """Run one verb; a refusal is told at its field, or above the form where it names none."""
    try:
        yield
    except Refused as refused:
        form.refused = refused
        form.add_error(refused.field if refused.field in form.fields else None, str(refused))


def show_several_refusals(
    request: HttpRequest,
    left: Sequence[tuple[Person, Refused]],
    *,
    more: Callable[[int], str],
    unnamed: int = 0,
) -> None:
    """Say why the first of several were refused, by whom they are about; of the others, how many they are."""
    for person, refused in left[:REFUSED_NAMED]:
        messages.warning(request, f"{isolated(person)}: {refused}")
    if others := len(left[REFUSED_NAMED:]) + unnamed:
        messages.warning(request, more(others))


def content(form: VerbForm) -> dict[str, Any]:
    """What a valid form says, to be handed to a verb whose parameters are its fields."""
    return dict(form.cleaned_data)


def status_of(form: VerbForm) -> int:
    """The HTTP status of a page that shows this form: 200 before it was sent, then that of what is wrong."""
    if not form.is_bound:
        return 200
    return form.refused.status if form.refused else UNPROCESSABLE


def concerns_the_page(form: VerbForm) -> bool:
    """Whether what is wrong is no field's fault, so that the page behind the form says it best."""
    return form.refused is not None and form.refused.field not in form.fields
