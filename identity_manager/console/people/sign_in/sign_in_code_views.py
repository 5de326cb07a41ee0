"""Views of one-time sign-in codes: ask, confirm, make and show once, withdraw."""

import uuid
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.account.sign_in import recent_sign_in_required
from identity_manager.console.access import offices, persons
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import AskForm, PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.sign_in import sign_in_code_page
from identity_manager.models import SignInCode
from identity_manager.ui.bidi import isolated
from identity_manager.workflow.people import sign_in_codes

TEMPLATES = "identity_manager/people/sign_in_codes"


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show what a code does; the POST asks for it."""
    person = persons.person_for_registration_officer(request, pk)
    actor = offices.officer(request)
    form = AskForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            code = sign_in_codes.ask(actor=actor, person_id=pk, **form.cleaned_data)
            return redirect("console:sign-in-code", code.pk)
    context = sign_in_code_page.asking(actor, person, form=form)
    return render(request, f"{TEMPLATES}/ask.html", context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@recent_sign_in_required
def code(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of one code. The POST makes the code and answers with it: no URL leads to a secret."""
    found = persons.sign_in_code_for_registration_officer(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            secret = sign_in_codes.make(actor=offices.officer(request), code_id=pk)
            return _shown(request, pk, secret)
    return _page(request, found, form)


@require_POST
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second officer confirms."""
    found = persons.sign_in_code_for_registration_officer(request, pk)
    act = Act(
        verb=partial(sign_in_codes.confirm, actor=offices.officer(request), code_id=pk),
        done=lambda _code: _("Confirmed. %(person)s can make the code now.") % {"person": found.asked_by},
        back=reverse("console:sign-in-code", args=[pk]),
        page=partial(_page, request, found),
    )
    return respond(request, PressForm(request.POST), act)


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Withdraw a code, or refuse it."""
    found = persons.sign_in_code_for_registration_officer(request, pk)
    act = Act(
        verb=partial(sign_in_codes.withdraw, actor=offices.officer(request), code_id=pk),
        done=lambda _code: _("Withdrawn. This code opens nothing any more."),
        back=reverse("console:sign-in-code", args=[pk]),
        page=partial(_page, request, found),
        ask=lambda: _withdrawing(found),
        about=found.person,
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def _shown(request: HttpRequest, pk: uuid.UUID, secret: str) -> HttpResponse:
    made = persons.sign_in_code_for_registration_officer(request, pk)
    context = {"tab": "search", "code": made, "person": made.person, "secret": secret}
    return render(request, f"{TEMPLATES}/shown.html", context)


def _page(request: HttpRequest, found: SignInCode, form: VerbForm) -> HttpResponse:
    """The page, read again, because the code may have changed since a refusal."""
    if form.refused:
        found = persons.sign_in_code_for_registration_officer(request, found.pk)
    context = sign_in_code_page.context(offices.officer(request), found, form=form)
    return render(request, f"{TEMPLATES}/code.html", context, status=refusals.status_of(form))


def _withdrawing(found: SignInCode) -> Confirmation:
    return Confirmation(
        title=_("Withdraw the sign-in code for %(person)s?") % {"person": isolated(found.person)},
        lead=_("It opens nothing any more, wherever it was noted. A new one can be asked for at any time."),
        button=_("Withdraw the code"),
        back=reverse("console:sign-in-code", args=[found.pk]),
        tab="search",
        obstacle=sign_in_codes.withdrawal_obstacle(found),
    )
