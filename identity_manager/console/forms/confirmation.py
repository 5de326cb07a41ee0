"""Confirmation page before a dangerous action: consequences, reason, one button."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from identity_manager.console.approvals.certificate_content import SignedRequest
from identity_manager.console.forms import refusals
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.archive.loss import Loss


@dataclass(frozen=True)
class Confirmation:
    """Content of the page. back: target of Cancel; tab: the marked tab.

    obstacle: why the action is impossible by now; there is no button then. signed: requests decided on,
    with their certificates' contents. points: what becomes of each thing. losses: consequences for
    encryption keys.
    """

    title: Words
    lead: Words
    button: Words
    back: str
    tab: str = "requests"
    dangerous: bool = True
    obstacle: Reason | None = None
    signed: Sequence[SignedRequest] = ()
    points: Sequence[Words] = ()
    losses: Sequence[Loss] = ()


def page(request: HttpRequest, form: VerbForm, confirmation: Confirmation) -> HttpResponse:
    """The page, with form errors and their status; in ADMIN with its navigation."""
    folder = "administration" if confirmation.tab == "admin" else "forms"
    return render(
        request,
        f"identity_manager/{folder}/confirmation.html",
        {"form": form, "confirmation": confirmation, "tab": confirmation.tab},
        status=refusals.status_of(form),
    )
