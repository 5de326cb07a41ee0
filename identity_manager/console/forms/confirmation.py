"""The page before a dangerous action: what will happen, to what, a field for the reason, one button."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from identity_manager.console.approvals.certificate_content import SignedRequest
from identity_manager.console.forms import refusals
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import Reason


@dataclass(frozen=True)
class Confirmation:
    """What the page says. back is where Cancel leads; tab is the portal's tab that stays marked.

    obstacle: why the button would do nothing now, as what is asked about has ended or moved on; there is
    no button then.  signed: the requests that are decided on, with what their certificates will say.
    """

    title: Words
    lead: Words
    button: Words
    back: str
    tab: str = "requests"
    dangerous: bool = True
    obstacle: Reason | None = None
    signed: Sequence[SignedRequest] = ()


def page(request: HttpRequest, form: VerbForm, confirmation: Confirmation) -> HttpResponse:
    """The page, with what is wrong and the status that goes with it."""
    return render(
        request,
        "identity_manager/forms/confirmation.html",
        {"form": form, "confirmation": confirmation, "tab": confirmation.tab},
        status=refusals.status_of(form),
    )
