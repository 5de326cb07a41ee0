"""ADMIN, Targets: where certificates go; test, switch on for a type, publish again, decide what is parked."""

import uuid
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from identity_manager.console.access import offices
from identity_manager.console.access import targets as access
from identity_manager.console.forms import refusals
from identity_manager.console.forms.act import Act, respond
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.history import event_wording
from identity_manager.console.targets import page
from identity_manager.console.targets.forms import ParkedForm, RefuseForm, RepeatForm, UseForm
from identity_manager.models import TargetUse
from identity_manager.ui.bidi import isolated
from identity_manager.workflow.targets import actions, uses

TEMPLATES = "identity_manager/targets"


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List targets for publication and keys. System Administrators and Auditors read it."""
    offices.catalogue_reader(request)
    return render(request, f"{TEMPLATES}/targets.html", {"cards": page.overview()})


@require_safe
def target(request: HttpRequest, name: str) -> HttpResponse:
    """One target with its uses, placements and drift. System Administrators and Auditors read it."""
    return _target_page(request, name, PressForm())


@require_POST
def test(request: HttpRequest, name: str) -> HttpResponse:
    """Test the connection to the target, as a System Administrator."""
    actor, _name = access.target_to_change(request, name)
    act = Act(
        verb=partial(actions.test, actor=actor, target=name),
        done=lambda words: words,
        back=_address(name),
        page=partial(_target_page, request, name),
    )
    return respond(request, PressForm(request.POST), act)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, name: str) -> HttpResponse:
    """Ask to use the target for a token type, as a System Administrator (four eyes)."""
    actor, _name = access.target_to_change(request, name)
    takes_keys = page.takes_keys(name)
    form = UseForm(refusals.post_data(request), target=name, takes_keys=takes_keys)
    if form.is_valid():
        with refusals.show_refusal(form):
            uses.ask(actor=actor, target=name, **refusals.content(form))
            messages.success(request, _("Another System Administrator has to confirm it."))
            return redirect(_address(name))
    context = {"form": form, "name": name, "takes_keys": takes_keys}
    return render(request, f"{TEMPLATES}/use.html", context, status=refusals.status_of(form))


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Confirm a use of the target, as a second System Administrator."""
    actor, use = access.use(request, pk)
    act = Act(
        verb=partial(uses.confirm, actor=actor, use_id=pk),
        done=lambda _use: _("Switched on. Certificates of this type go there from now on."),
        back=_address(use.target.name),
        ask=partial(_confirming, use),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def refuse(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Refuse a use of the target with a reason, as a second System Administrator."""
    actor, use = access.use(request, pk)
    act = Act(
        verb=partial(uses.refuse_use, actor=actor, use_id=pk),
        done=lambda _use: _("Not switched on."),
        back=_address(use.target.name),
        ask=partial(_refusing, use),
    )
    return respond(request, RefuseForm(refusals.post_data(request)), act)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """End or withdraw a use of the target, after a confirmation page, as a System Administrator."""
    actor, use = access.use(request, pk)
    act = Act(
        verb=partial(uses.end, actor=actor, use_id=pk),
        done=lambda _use: page.switched_off(use.target.name),
        back=_address(use.target.name),
        ask=partial(_ending, use),
    )
    return respond(request, PressForm(refusals.post_data(request)), act)


@require_POST
def repeat_all(request: HttpRequest, name: str) -> HttpResponse:
    """Publish all vanished or refused certificates again, as a System Administrator."""
    actor, _name = access.target_to_change(request, name)
    act = Act(
        verb=partial(actions.repeat_all, actor=actor, target=name),
        done=lambda number: (
            ngettext(
                "%(number)s certificate is published again.",
                "%(number)s certificates are published again.",
                number,
            )
            % {"number": number}
        ),
        back=_address(name),
        page=partial(_target_page, request, name),
    )
    return respond(request, RepeatForm(request.POST), act)


@require_POST
def repeat(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Publish one vanished or refused certificate again, as a System Administrator."""
    actor, row = access.placement(request, pk)
    act = Act(
        verb=partial(actions.repeat, actor=actor, placement_id=pk),
        done=lambda _row: _("It is published again within seconds."),
        back=_address(row.target.name),
        page=partial(_target_page, request, row.target.name),
    )
    return respond(request, PressForm(request.POST), act)


@require_POST
def settle(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Settle a placement in doubt: at the target or not, as a System Administrator."""
    actor, row = access.placement(request, pk)
    act = Act(
        verb=partial(actions.settle_parked, actor=actor, placement_id=pk),
        done=lambda _row: _("Written down."),
        back=_address(row.target.name),
        page=partial(_target_page, request, row.target.name),
    )
    return respond(request, ParkedForm(request.POST), act)


def _address(name: str) -> str:
    return reverse("console:target", args=[name])


def _target_page(request: HttpRequest, name: str, form: VerbForm) -> HttpResponse:
    actor, _name = access.target_for_reader(request, name)
    context = page.of_target(actor, name, form, asked=request.GET.dict())
    return render(request, f"{TEMPLATES}/target.html", context, status=refusals.status_of(form))


def _confirming(use: TargetUse) -> Confirmation:
    words = {
        "officer": isolated(use.asked_by),
        "type": isolated(event_wording.type_names().get(use.type_code, use.type_code)),
        "hold": use.get_hold_back_display(),
    }
    return Confirmation(
        title=_("Switch the target on for this token type?"),
        lead=page.consequences(use.target.name) % words,
        button=_("Switch it on"),
        back=_address(use.target.name),
        tab="admin",
        dangerous=False,
        obstacle=None if use.waits() else uses.USE_NOT_WAITING,
    )


def _refusing(use: TargetUse) -> Confirmation:
    return Confirmation(
        title=_("Leave the target off for this token type?"),
        lead=_("%(officer)s reads your reason.") % {"officer": isolated(use.asked_by)},
        button=_("Leave it off"),
        back=_address(use.target.name),
        tab="admin",
        obstacle=None if use.waits() else uses.USE_NOT_WAITING,
    )


def _ending(use: TargetUse) -> Confirmation:
    return Confirmation(
        title=_("Switch the target off for this token type?"),
        lead=page.what_ends(use.target.name, use.type_code),
        button=_("Switch it off"),
        back=_address(use.target.name),
        tab="admin",
        obstacle=None if use.is_open else uses.USE_ENDED,
    )
