"""Decisions on findings: certificates on which a CA and the database differ."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity_manager.console.access import offices
from identity_manager.console.certificates import found_at_cas
from identity_manager.console.forms import confirmation, refusals
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import LeaveFoundForm, PressForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import CaFinding, FindingKind
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.archive import loss
from identity_manager.workflow.issuance import ca_findings

ConfirmationBuilder = Callable[[CaFinding], Confirmation]


def adopt(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Use a certificate found at the CA for its token, as a Software Token Administrator of the unit."""
    form, done = (
        PressForm(refusals.post_data(request)),
        gettext_lazy("Adopted. The token is sealed and delivered."),
    )
    return _decide(request, pk, form, verb=ca_findings.adopt, asking=_adopting, done=done)


def revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Revoke a certificate found at the CA, as a Software Token Administrator of the person's unit."""
    form, done = (
        PressForm(refusals.post_data(request)),
        gettext_lazy("It is revoked at the certificate authority."),
    )
    return _decide(request, pk, form, verb=ca_findings.revoke, asking=_revoking, done=done)


def leave(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Leave a certificate found at the CA, with a reason, as a Software Token Administrator of the unit."""
    form, done = LeaveFoundForm(refusals.post_data(request)), gettext_lazy("It stays as it is.")
    return _decide(request, pk, form, verb=ca_findings.leave, asking=_leaving, done=done)


def by_hand(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Record that an operator revoked the found certificate at the CA, as a Software Token Administrator."""
    form, done = PressForm(refusals.post_data(request)), gettext_lazy("Noted: it is revoked.")
    return _decide(request, pk, form, verb=ca_findings.done_by_hand, asking=_by_hand, done=done)


def _decide(
    request: HttpRequest,
    pk: uuid.UUID,
    form: VerbForm,
    *,
    verb: Callable[..., object],
    asking: ConfirmationBuilder,
    done: Promise,
) -> HttpResponse:
    found = found_at_cas.finding_for_administrator(request, pk)
    actor = offices.officer(request)
    if form.is_valid():
        with refusals.show_refusal(form):
            partial(verb, actor=actor, finding_id=pk)(**refusals.content(form))
            messages.success(request, str(done))
            return redirect("console:approvals")
    return confirmation.page(request, form, asking(found))


def _confirmation(found: CaFinding, obstacle: Reason | None, **words: str) -> Confirmation:
    back = reverse("console:approvals")
    facts = _("%(ca)s, serial number %(serial)s, %(subject)s.") % {
        "ca": found.alias,
        "serial": found.serial,
        "subject": found.subject or found.issuer,
    }
    lead = f"{words['lead']} {facts}"
    return Confirmation(words["title"], lead, words["button"], back=back, tab="open_tasks", obstacle=obstacle)


def _adopting(found: CaFinding) -> Confirmation:
    return _confirmation(
        found,
        ca_findings.obstacle(found) or ca_findings.adopting_obstacle(found),
        title=_("Adopt this certificate?"),
        lead=_(
            "It is for the key of an order that waits. The order gets it, and the token goes on as if the "
            "authority had answered."
        ),
        button=_("Adopt"),
    )


def _revoking(found: CaFinding) -> Confirmation:
    unknown = _(
        "The database does not know it: somebody may hold its file, and nobody here sees it end. The "
        "authority is told to revoke it."
    )
    missing = _(
        "The token ends, and the authority is told to revoke it. As it does not know the certificate, that "
        "may have to be done there by hand."
    )
    asking = _confirmation(
        found,
        ca_findings.obstacle(found) or ca_findings.revoking_obstacle(found),
        title=_("Revoke this certificate?"),
        lead=missing if found.kind == FindingKind.MISSING else unknown,
        button=_("Revoke"),
    )
    if found.kind != FindingKind.MISSING or found.token_certificate is None:
        return asking
    return replace(asking, losses=loss.of_tokens([found.token_certificate.token_id]))


def _leaving(found: CaFinding) -> Confirmation:
    return _confirmation(
        found,
        ca_findings.obstacle(found),
        title=_("Leave this certificate as it is?"),
        lead=_("No later comparison finds it any more. Right where another system has the same authority."),
        button=_("Leave as it is"),
    )


def _by_hand(found: CaFinding) -> Confirmation:
    return _confirmation(
        found,
        ca_findings.by_hand_obstacle(found),
        title=_("Is this certificate revoked at its authority?"),
        lead=_("Its authority cannot be told to revoke. The audit log keeps your word."),
        button=_("It is revoked"),
    )
