"""Step 6: the passphrase is shown on a click, noted by the person, and destroyed."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_http_methods, require_POST

from identity_manager.account.sign_in import recent_sign_in_required, signed_in_at
from identity_manager.models import DeliveryState, Person, SoftwareToken
from identity_manager.queries import selfservice_pages
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.delivery import channel_separation
from identity_manager.workflow.policy import permitted_actions
from selfservice import access
from selfservice.certificates import token_status
from selfservice.help import installation_help
from selfservice.passphrases.forms import NotedForm, ShowForm
from selfservice.progress.page import next_passphrase
from selfservice.refusals import VerbForm
from selfservice.requests import type_choices


@require_http_methods(["GET", "HEAD", "POST"])
@cache_control(no_store=True, private=True)
@recent_sign_in_required
def passphrase(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """Offer the passphrase; a click shows it."""
    if request.method == "POST":
        return _shown(request, token_id)
    return _page(request, access.own_token(request, token_id), form=NotedForm())


def _shown(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """The page with the passphrase, as response to a POST, so that no URL leads to it."""
    token = access.own_token(request, token_id)
    form = ShowForm(request.POST)
    moment = signed_in_at(request)
    secret = form.perform(
        lambda: step6_passphrase.show(actor=token.person, token_id=token.pk, signed_in_at=moment)
    )
    token = access.own_token(request, token_id)
    return _page(request, token, form=form if secret is None else NotedForm(), secret=secret or "")


@require_POST
@cache_control(no_store=True, private=True)
def acknowledge(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """The person has noted the passphrase: destroy it, and go on to the next one."""
    token = access.own_token(request, token_id)
    form = NotedForm(request.POST)
    if not form.perform(lambda: step6_passphrase.acknowledge(actor=token.person, token_id=token.pk)):
        return _page(request, access.own_token(request, token_id), form=form)
    messages.success(
        request, _("The passphrase for %(type)s is destroyed here. Only you have it now.") % {"type": token}
    )
    following = next_passphrase(token.request) or _any_other(token.person)
    if following is not None:
        return redirect("selfservice:passphrase", following.pk)
    return redirect(reverse("selfservice:token", args=[token.pk]) + "#installed")


def _any_other(person: Person) -> SoftwareToken | None:
    """A passphrase of another request that waits to be noted, as of keys recovered beside new tokens."""
    return next(iter(selfservice_pages.tokens_to_note(person.pk)), None)


def _page(request: HttpRequest, token: SoftwareToken, *, form: VerbForm, secret: str = "") -> HttpResponse:
    if token.passphrase_wrapped is None:
        return _gone(request, token)
    context = {
        "tab": "open_tasks",
        "token": token,
        "form": form,
        "secret": secret,
        "not_yet": channel_separation.passphrase_obstacle(token.person, signed_in_at=signed_in_at(request)),
        "obstacle": permitted_actions.delivery_obstacle(token),
        "by_link": token_status.by_link(),
        "devices": installation_help.of_token(token),
        "over": step6_passphrase.time_obstacle(token, now=timezone.now()),
    }
    return render(request, "selfservice/passphrases/passphrase.html", context, status=form.status)


def _gone(request: HttpRequest, token: SoftwareToken) -> HttpResponse:
    context = {
        "tab": "open_tasks",
        "token": token,
        "state": token_status.of_token(token),
        "lockable": token.is_revocable,
        "file_came": token.delivery in (DeliveryState.SENT, DeliveryState.FETCHED),
        "asked_again": type_choices.can_be_asked_again(token),
    }
    return render(request, "selfservice/passphrases/passphrase_gone.html", context, status=410)
