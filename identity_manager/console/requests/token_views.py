"""Views of what an administrator does with one token: revoke, hold, reinstate, send its files again."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from identity_manager.console.access import offices, requests
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.requests import page as request_page
from identity_manager.console.requests.forms import HoldForm, RevokeForm, SendAgainForm
from identity_manager.mail import install
from identity_manager.models import Certificate, Person, SoftwareToken, TokenState
from identity_manager.workflow.archive import loss
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.revocation import hold
from identity_manager.workflow.revocation import revoke as revocation


def revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Revoke a token with a reason, as a Software Token Administrator of the person's unit."""
    token = requests.token_for_administrator(request, pk)
    act = replace(
        _act(request, token, revocation.revoke_token),
        done=lambda _token: _("The token is revoked. The certificate authority is told now."),
        ask=lambda: _revoking(token, _back(request, token)),
    )
    return respond(request, RevokeForm(refusals.post_data(request), tokens=[token]), act)


def put_on_hold(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Put a token on hold with a reason, as a Software Token Administrator of the person's unit."""
    token = requests.token_for_administrator(request, pk)
    act = replace(
        _act(request, token, hold.put_on_hold),
        done=lambda _token: _("The token is on hold. A certificate authority that knows holds is told now."),
        ask=lambda: _holding(token, _back(request, token)),
    )
    return respond(request, HoldForm(refusals.post_data(request)), act)


def reinstate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Release a token from hold, as a Software Token Administrator of the person's unit."""
    token = requests.token_for_administrator(request, pk)
    act = replace(
        _act(request, token, hold.reinstate),
        done=_reinstated,
        ask=lambda: _reinstating(token, _back(request, token), by=offices.officer(request)),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


def send_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Send the container again, also in another format, as a Software Token Administrator of the unit."""
    token = requests.token_for_administrator(request, pk)
    act = replace(
        _act(request, token, resending.send_again),
        done=lambda _token: _("The file is on its way again."),
        ask=lambda: _sending(token, _back(request, token)),
    )
    initial = {"container_format": install.format_of(token)}
    return respond(request, SendAgainForm(refusals.post_data(request), initial=initial), act)


def _act(request: HttpRequest, token: SoftwareToken, verb: Callable[..., object]) -> Act:
    actor = offices.officer(request)
    return Act(
        verb=partial(verb, actor=actor, token_id=token.pk),
        done=str,
        back=_back(request, token),
        page=lambda form: request_page.response(request, actor, token.request_id, form=form),
        about=token,
    )


def _back(request: HttpRequest, token: SoftwareToken) -> str:
    """The page on which it was clicked: the person's, else that of the request."""
    if request.GET.get("back") == "person":
        return reverse("console:person", args=[token.person_id])
    return reverse("console:request", args=[token.request_id])


def _reinstated(token: SoftwareToken) -> str:
    """Message after a reinstatement; only a certificate authority that has the hold is told of its end."""
    if token.state == TokenState.EXPIRED:
        return _("The certificates of this token have ended meanwhile. The token has expired.")
    if Certificate.objects.to_be_held_or_released().filter(token=token, held_at_ca=True).exists():
        return _("The token is in use again. The certificate authority is told now.")
    return _("The token is in use again.")


def _revoking(token: SoftwareToken, back: str) -> Confirmation:
    words = {"type": token, "person": token.person}
    return Confirmation(
        title=_("Revoke %(type)s of %(person)s?") % words,
        lead=_("Its certificates are revoked for good. A passphrase that was not noted yet is destroyed."),
        button=_("Revoke the token"),
        back=back,
        losses=loss.of_tokens([token.pk]),
        obstacle=revocation.obstacle(token),
    )


def _holding(token: SoftwareToken, back: str) -> Confirmation:
    words = {"type": token, "person": token.person}
    return Confirmation(
        title=_("Put %(type)s of %(person)s on hold?") % words,
        lead=_(
            "Its certificates do not count until it is reinstated, and nothing of it is handed out meanwhile."
            " Where the certificate authority knows holds, it publishes this one."
        ),
        button=_("Put on hold"),
        back=back,
        obstacle=hold.hold_obstacle(token),
    )


def _reinstating(token: SoftwareToken, back: str, *, by: Person) -> Confirmation:
    words = {"type": token, "person": token.person}
    return Confirmation(
        title=_("Reinstate %(type)s of %(person)s?") % words,
        lead=_("Its certificates count again. What waited for it goes on."),
        button=_("Reinstate"),
        back=back,
        dangerous=False,
        obstacle=hold.reinstatement_obstacle(token, by=by),
    )


def _sending(token: SoftwareToken, back: str) -> Confirmation:
    address, now = token.request.delivery_address, token.person.email
    words = {"type": token, "address": address, "now": now}
    lead = _("A mail with the file goes to %(address)s. The passphrase stays what it was.")
    if address.lower() != now.lower():
        lead = _(
            "A mail with the file goes to %(address)s, the address that was approved. The person's address "
            "is %(now)s by now. If nobody reads the former mailbox, open the last mail of the file and mark "
            "it as come back: then the file waits in Self-Service."
        )
    return Confirmation(
        title=_("Send %(type)s again?") % words,
        lead=lead % words,
        button=_("Send again"),
        back=back,
        dangerous=False,
        obstacle=resending.sending_obstacle(token) or resending.often_obstacle(token),
    )
