"""The one shape of views that confirm, refuse or end something: ask, run a verb, say what is done."""

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
    """What one press of a button does.

    verb: is called with what the form says.  done: the message, of what the verb returns.  about: whom the
    message names first.  back: the address after it.  page: the page that tells a refusal; the question tells
    it, where there is none.  ask: the question before it is done; none where the button stands on the page
    itself, or where the page is the question.
    """

    verb: Callable[..., Any]
    done: Callable[[Any], Words]
    back: str
    page: Callable[[VerbForm], HttpResponse] | None = None
    ask: Callable[[], Confirmation] | None = None
    about: Person | SoftwareToken | None = None


def respond(request: HttpRequest, form: VerbForm, act: Act) -> HttpResponse:
    """Run the verb of a valid form and go on; else ask, or show what is wrong where it is read best."""
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
