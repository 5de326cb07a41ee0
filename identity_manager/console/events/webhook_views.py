"""ADMIN, Other systems: webhooks. One System Administrator makes one, another one confirms it."""

import uuid
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.account.sign_in import fresh_second_factor_required
from identity_manager.catalogue import permission
from identity_manager.console.access import administration
from identity_manager.console.access import events as access
from identity_manager.console.events import webhook_page
from identity_manager.console.events.forms import ReplayForm, WebhookForm
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.events import webhook_kinds, webhooks
from identity_manager.models import Person, Webhook
from identity_manager.ui.bidi import isolated

TEMPLATES = "identity_manager/events"


@require_safe
def show(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One webhook and its last deliveries."""
    actor, row = access.webhook_for_reader(request, pk)
    return _page(request, PressForm(), actor, row)


@require_http_methods(["GET", "HEAD", "POST"])
def make(request: HttpRequest) -> HttpResponseBase:
    """Make a webhook; its secret is shown once."""
    administration.administrator(request)  # before re-authentication
    return _make(request)


@never_cache
@fresh_second_factor_required
def _make(request: HttpRequest) -> HttpResponse:
    form = WebhookForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            row, secret = webhooks.make(actor=administration.administrator(request), wanted=form.wanted)
            return _made(request, row, secret)
    context = {"form": form, "names": webhook_kinds.NAMES}
    return render(request, f"{TEMPLATES}/webhook_make.html", context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Confirm, as the second officer."""
    administration.administrator(request)
    return _confirm(request, pk)


@fresh_second_factor_required
def _confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    actor, row = access.webhook(request, pk)
    act = Act(
        verb=partial(webhooks.confirm, actor=actor, webhook_id=pk),
        done=lambda _row: _("Confirmed. What happens from now on is told."),
        back=reverse("console:webhook", args=[pk]),
        ask=partial(_confirming, row),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """End the webhook."""
    actor, row = access.webhook(request, pk)
    act = Act(
        verb=partial(webhooks.stop, actor=actor, webhook_id=pk),
        done=lambda _row: _("Stopped. Nothing is told any more."),
        back=reverse("console:webhook", args=[pk]),
        ask=partial(_stopping, row),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def rotate(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Make a new signature key, which is shown once."""
    administration.administrator(request)
    return _rotate(request, pk)


@never_cache
@fresh_second_factor_required
def _rotate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    actor, row = access.webhook(request, pk)
    form = PressForm(refusals.post_data(request))
    if form.is_valid():
        with refusals.show_refusal(form):
            row, secret = webhooks.rotate(actor=actor, webhook_id=pk)
            return _made(request, row, secret)
    return confirmation.page(request, form, _rotating(row))


@require_POST
def send_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send a test message without an event."""
    actor, row = access.webhook(request, pk)
    act = Act(
        verb=partial(webhooks.send_test, actor=actor, webhook_id=pk),
        done=lambda _delivery: _("The test is sent. Its answer stands below in a moment."),
        back=reverse("console:webhook", args=[pk]),
        page=lambda form: _page(request, form, actor, row),
    )
    return respond(request, PressForm(request.POST), act)


@require_http_methods(["GET", "HEAD", "POST"])
def replay(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send the events of a time range again."""
    actor, row = access.webhook(request, pk)
    act = Act(
        verb=partial(webhooks.replay, actor=actor, webhook_id=pk),
        done=lambda number: (
            ngettext("%(number)d event is sent again.", "%(number)d events are sent again.", number)
            % {"number": number}
        ),
        back=reverse("console:webhook", args=[pk]),
        page=lambda form: _replay_page(request, form, row),
    )
    return respond(request, ReplayForm(refusals.post_data(request)), act)


def _page(request: HttpRequest, form: VerbForm, actor: Person, row: Webhook) -> HttpResponse:
    context = {
        "form": form,
        "acts": permission.is_system_administrator(actor),
        **webhook_page.context(actor, row),
    }
    return render(request, f"{TEMPLATES}/webhook.html", context, status=refusals.status_of(form))


def _replay_page(request: HttpRequest, form: VerbForm, row: Webhook) -> HttpResponse:
    context = {"form": form, "row": row}
    return render(request, f"{TEMPLATES}/webhook_replay.html", context, status=refusals.status_of(form))


def _made(request: HttpRequest, row: Webhook, secret: str) -> HttpResponse:
    return render(request, f"{TEMPLATES}/webhook_secret.html", {"row": row, "secret": secret})


def _confirming(row: Webhook) -> Confirmation:
    words = {
        "officer": isolated(row.asked_by),
        "webhook": isolated(row.name),
        "address": row.shown_address,
        "kinds": ", ".join(row.kinds),
    }
    lead = _("%(officer)s wants %(webhook)s at %(address)s to be told of: %(kinds)s.") % words
    if row.with_persons:
        lead += " " + _("Names of persons and reasons are sent with it.")
    return Confirmation(
        title=_("Confirm the webhook?"),
        lead=lead,
        button=_("Confirm the webhook"),
        back=reverse("console:webhook", args=[row.pk]),
        tab="admin",
        obstacle=None if row.waits() else webhooks.WEBHOOK_NOT_WAITING,
    )


def _stopping(row: Webhook) -> Confirmation:
    ended = not row.waits() and not row.is_in_use
    return Confirmation(
        title=_("Stop this webhook?"),
        lead=_("%(webhook)s is told nothing any more, for good. What waits is not sent.")
        % {"webhook": isolated(row.name)},
        button=_("Stop the webhook"),
        back=reverse("console:webhook", args=[row.pk]),
        tab="admin",
        obstacle=webhooks.WEBHOOK_ENDED if ended else None,
    )


def _rotating(row: Webhook) -> Confirmation:
    return Confirmation(
        title=_("Make a new key for this webhook?"),
        lead=_(
            "It is shown once. For a day each message has both signatures, so that %(webhook)s can change."
        )
        % {"webhook": isolated(row.name)},
        button=_("Make a new key"),
        back=reverse("console:webhook", args=[row.pk]),
        tab="admin",
        dangerous=False,
        obstacle=None if row.is_in_use else webhooks.NOT_IN_USE,
    )
