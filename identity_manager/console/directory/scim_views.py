"""SCIM clients of a source: one System Administrator makes a bearer token, another one confirms it."""

import uuid
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.account.sign_in import fresh_second_factor_required
from identity_manager.catalogue import permission
from identity_manager.console.access import administration
from identity_manager.console.access import directory as access
from identity_manager.console.directory.forms import TokenForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.models import ScimToken
from identity_manager.people.api_access import scim_tokens
from identity_manager.ui.bidi import isolated

TEMPLATES = "identity_manager/directory"


@require_safe
def listing(request: HttpRequest, name: str) -> HttpResponse:
    """Every client of the source, and who may write now."""
    actor, configuration = access.scim_source(request, name)
    rows = ScimToken.objects.filter(source__name=name).select_related("asked_by", "decided_by")
    context = {
        "configuration": configuration,
        "address": request.build_absolute_uri(f"/scim/{name}/v2"),
        "rows": rows,
        "usable": set(rows.usable(timezone.now()).values_list("pk", flat=True)),
        "acts": permission.is_system_administrator(actor),
    }
    return render(request, f"{TEMPLATES}/scim_clients.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def make(request: HttpRequest, name: str) -> HttpResponseBase:
    """Name the client; its token is shown once."""
    administration.administrator(request)  # before re-authentication
    return _make(request, name)


@never_cache
@fresh_second_factor_required
def _make(request: HttpRequest, name: str) -> HttpResponse:
    _actor, configuration = access.scim_source(request, name)
    form = TokenForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            actor = administration.administrator(request)
            token, secret = scim_tokens.make(actor=actor, source=name, **refusals.content(form))
            context = {"configuration": configuration, "token": token, "secret": secret}
            return render(request, f"{TEMPLATES}/scim_token.html", context)
    context = {"configuration": configuration, "form": form}
    return render(request, f"{TEMPLATES}/scim_client.html", context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Confirm, as the second officer."""
    administration.administrator(request)
    return _confirm(request, pk)


@fresh_second_factor_required
def _confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    token = access.scim_token(request, pk)
    act = Act(
        verb=partial(scim_tokens.confirm, actor=administration.administrator(request), token_id=pk),
        done=lambda _token: _("Confirmed. The client writes from now on."),
        back=_clients(token),
        ask=partial(_confirming, token),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The client writes no more."""
    token = access.scim_token(request, pk)
    act = Act(
        verb=partial(scim_tokens.revoke, actor=administration.administrator(request), token_id=pk),
        done=lambda _token: _("Revoked. The client writes no more."),
        back=_clients(token),
        ask=partial(_revoking, token),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def _clients(token: ScimToken) -> str:
    return reverse("console:scim-clients", args=[token.source.name])


def _confirming(token: ScimToken) -> Confirmation:
    words = {"officer": isolated(token.asked_by), "client": isolated(token.name)}
    return Confirmation(
        title=_("Confirm the SCIM client?"),
        lead=_(
            "%(officer)s made a token for %(client)s. Who holds it says who exists, who leaves, and who is in"
            " which group."
        )
        % words,
        button=_("Confirm the client"),
        back=_clients(token),
        tab="admin",
        obstacle=None if token.waits() else scim_tokens.TOKEN_NOT_WAITING,
    )


def _revoking(token: ScimToken) -> Confirmation:
    ended = not token.waits() and not token.is_usable(timezone.now())
    return Confirmation(
        title=_("Revoke the token of this SCIM client?"),
        lead=_("%(client)s writes no more, at once. What it has written stays.")
        % {"client": isolated(token.name)},
        button=_("Revoke the token"),
        back=_clients(token),
        tab="admin",
        obstacle=scim_tokens.TOKEN_ENDED if ended else None,
    )
