"""Refusals on pages: as form errors, at their field or above the form."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, QueryDict
from django.utils.translation import ngettext

from identity_manager.models import Person
from identity_manager.transactions.refusals import Refused
from identity_manager.ui.bidi import isolated
from identity_manager.ui.punctuation import labelled

UNPROCESSABLE = 422
REFUSED_NAMED = 5


class VerbForm(forms.Form):
    """A form for one verb. refused: the verb's refusal, if any."""

    refused: Refused | None = None


def post_data(request: HttpRequest) -> QueryDict | None:
    """POST data; None for a page view. A bare button sends an empty form."""
    return request.POST if request.method == "POST" else None


@contextmanager
def show_refusal(form: VerbForm) -> Iterator[None]:
    """Run one verb; a refusal becomes a form error, at its field if it names one."""
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
    """Messages about the first refusals of a bulk action, by person; the number of the others."""
    for person, refused in left[:REFUSED_NAMED]:
        messages.warning(request, labelled(isolated(person), refused))
    if others := len(left[REFUSED_NAMED:]) + unnamed:
        messages.warning(request, more(others))


def more_not_confirmed(number: int) -> str:
    """The sentence for the refusals of a bulk confirmation that are not named."""
    words = ngettext("%(number)d more is not confirmed.", "%(number)d more are not confirmed.", number)
    return words % {"number": number}


def content(form: VerbForm) -> dict[str, Any]:
    """The valid form's data as the verb's keyword arguments."""
    return dict(form.cleaned_data)


def status_of(form: VerbForm) -> int:
    """HTTP status of a page with this form: 200 before it was sent, then that of its error."""
    if not form.is_bound:
        return 200
    return form.refused.status if form.refused else UNPROCESSABLE


def concerns_the_page(form: VerbForm) -> bool:
    """Whether the refusal is not about a field, so that the page behind shows it best."""
    return form.refused is not None and form.refused.field not in form.fields
