"""**Replace softtoken**: tokens are revoked at once, keys are recovered, new tokens are issued.

PstmProcReplaceSofttokenUSSP of Nexus.
"""

import uuid

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from identity_manager.account.sign_in import recent_sign_in_required
from identity_manager.models import SoftwareToken
from identity_manager.workflow import step1_replace
from identity_manager.workflow.archive import loss
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.replacement import policy
from identity_manager.workflow.step1_replace import Replacement
from selfservice import access
from selfservice.help import installation_help
from selfservice.replacement import replacement_steps
from selfservice.replacement.forms import ReplaceForm

PAGE = require_http_methods(["GET", "HEAD", "POST"])


@PAGE
@recent_sign_in_required
def replace_all(request: HttpRequest) -> HttpResponse:
    """All tokens of the person: lost, stolen or compromised."""
    return _page(request, only=None)


@PAGE
@recent_sign_in_required
def replace_one(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """One token of the person, whose passphrase may be forgotten."""
    return _page(request, only=access.own_token(request, token_id).pk)


def _page(request: HttpRequest, *, only: uuid.UUID | None) -> HttpResponse:
    person = access.user(request)
    rows = policy.replaceable(person, only=only).select_related("token_type")
    form = _form(request, tokens=rows.all(), of_one=only is not None)
    done = form.perform(lambda: step1_replace.replace(actor=person, order=form.order(only)))
    if done is not None:
        return _go_on(request, done)
    tokens, obstacle = list(rows.all()), eligibility.person_obstacle(person)
    context = {
        "tab": "certificates",
        "form": form,
        "only": only,
        "devices": installation_help.named_last(person),
        "tokens": tokens,
        "outlook": None if obstacle else replacement_steps.outlook(person, tokens),
        "losses": loss.of_tokens([token.pk for token in tokens], own=True),
        "obstacle": obstacle or policy.nothing_obstacle(tokens),
    }
    return render(request, "selfservice/replacement/replace.html", context, status=form.status)


def _form(request: HttpRequest, *, tokens: QuerySet[SoftwareToken], of_one: bool) -> ReplaceForm:
    """Form with the posted values; at first with the cause that the page before knew."""
    posted = request.POST if request.method == "POST" else None
    known = {"cause": request.GET.get("cause")}
    return ReplaceForm(posted, person=access.user(request), tokens=tokens, of_one=of_one, initial=known)


def _go_on(request: HttpRequest, done: Replacement) -> HttpResponse:
    """To the keys that can be recovered, else to what waits of the request."""
    messages.success(request, _("Your software tokens are revoked. Their authorities are told now."))
    if done.request is None:
        return redirect("selfservice:certificates")
    if replacement_steps.offers_keys(done.request):
        return redirect("selfservice:replaced-keys", done.request.pk)
    return redirect(replacement_steps.address(done.request))
