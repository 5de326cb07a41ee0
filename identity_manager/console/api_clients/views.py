"""Clients of the API: one System Administrator makes one, another one confirms it."""

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
from identity_manager.console.access import api_clients as access
from identity_manager.console.api_clients.forms import ClientForm
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.models import ApiClient
from identity_manager.people.api_access import api_clients
from identity_manager.ui.bidi import isolated

TEMPLATES = "identity_manager/api_clients"


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every client, what it may do, and which act now."""
    actor = access.reader(request)
    rows = ApiClient.objects.select_related("asked_by", "decided_by")
    context = {
        "address": request.build_absolute_uri("/api/v1/"),
        "rows": rows,
        "usable": set(rows.usable(timezone.now()).values_list("pk", flat=True)),
        "acts": permission.is_system_administrator(actor),
    }
    return render(request, f"{TEMPLATES}/clients.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def make(request: HttpRequest) -> HttpResponseBase:
    """Say what the client may do; its token is shown once."""
    administration.administrator(request)  # before re-authentication
    return _make(request)


@never_cache
@fresh_second_factor_required
def _make(request: HttpRequest) -> HttpResponse:
    form = ClientForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            wanted = api_clients.ApiClientInput(**refusals.content(form))
            client, secret = api_clients.make(actor=administration.administrator(request), wanted=wanted)
            return render(request, f"{TEMPLATES}/made.html", {"client": client, "secret": secret})
    context = {"form": form}
    return render(request, f"{TEMPLATES}/client.html", context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Confirm, as the second officer."""
    administration.administrator(request)
    return _confirm(request, pk)


@fresh_second_factor_required
def _confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    act = Act(
        verb=partial(api_clients.confirm, actor=administration.administrator(request), client_id=pk),
        done=lambda _client: _("Confirmed. The client acts from now on."),
        back=reverse("console:api-clients"),
        ask=partial(_confirming, access.client(request, pk)),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The client acts no more."""
    act = Act(
        verb=partial(api_clients.revoke, actor=administration.administrator(request), client_id=pk),
        done=lambda _client: _("Revoked. The client acts no more."),
        back=reverse("console:api-clients"),
        ask=partial(_revoking, access.client(request, pk)),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def _confirming(client: ApiClient) -> Confirmation:
    units = ", ".join(client.units) or _("all organisational units")
    words = {
        "officer": isolated(client.asked_by),
        "client": isolated(client.name),
        "scopes": "; ".join(client.scope_labels),
        "units": isolated(units),
    }
    return Confirmation(
        title=_("Confirm the client of the API?"),
        lead=_(
            "%(officer)s made the client %(client)s for %(units)s. It may: %(scopes)s. Neither of you"
            " approves what it asks for."
        )
        % words,
        button=_("Confirm the client"),
        back=reverse("console:api-clients"),
        tab="admin",
        obstacle=None if client.waits() else api_clients.NOT_WAITING,
    )


def _revoking(client: ApiClient) -> Confirmation:
    ended = not client.waits() and not client.is_usable(timezone.now())
    return Confirmation(
        title=_("Revoke this client of the API?"),
        lead=_("%(client)s acts no more, at once, and its batch orders stop. What it has asked for stays.")
        % {"client": isolated(client.name)},
        button=_("Revoke the client"),
        back=reverse("console:api-clients"),
        tab="admin",
        obstacle=api_clients.ENDED if ended else None,
    )
