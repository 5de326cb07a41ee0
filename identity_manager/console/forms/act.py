"""Common shape of views with one action: confirmation page, call of a verb, success message, redirect."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from identity_manager.console.forms import confirmation, outcome, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import Person, SoftwareToken
from identity_manager.models.words import Words


@dataclass(frozen=True)
class Act:
    """Description of an action.

    verb: called with the form's data.  done: makes the message from the verb's result.  about: person or
    token that the message names first.  back: URL to redirect to.  page: renders a refusal; default: the
    confirmation page does.  ask: renders the confirmation page; None if the button is on the page itself, or
    the page is the confirmation.
    """

    verb: Callable[..., Any]
    done: Callable[[Any], Words]
    back: str
    page: Callable[[VerbForm], HttpResponse] | None = None
    ask: Callable[[], Confirmation] | None = None
    about: Person | SoftwareToken | None = None


def respond(request: HttpRequest, form: VerbForm, act: Act) -> HttpResponse:
    """Run the verb of a valid form and redirect; else show the confirmation page, or the form's errors."""
    if form.is_valid():
        with refusals.show_refusal(form):
            _tell(request, act, act.done(act.verb(**refusals.content(form))))
            return redirect(act.back)
    if act.page and (act.ask is None or refusals.concerns_the_page(form)):
        return act.page(form)
    if act.ask is None:
        raise ValueError("an act has a page, a question, or both")
    return confirmation.page(request, form, act.ask())


def _tell(request: HttpRequest, act: Act, words: Words) -> None:
    if act.about is None:
        messages.success(request, str(words))
    else:
        outcome.tell(request, act.about, words)
