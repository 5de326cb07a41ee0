"""**Recover multiple softtoken**: archived keys in new files; and two guides that lead to it.

PstmProcRecoverMultipleSofttoken of Nexus.
"""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from identity_manager.account.sign_in import fresh_second_factor_first, second_factor_shown
from identity_manager.models import Recovery, TokenRequest
from identity_manager.workflow import step1_recover
from identity_manager.workflow.recovery import consent as owner_consent
from identity_manager.workflow.recovery import policy
from selfservice import access
from selfservice.help import installation_help
from selfservice.recovery import passphrase_help, recovery_choices
from selfservice.recovery.forms import ConsentForm, RecoverForm
from selfservice.replacement import replacement_steps


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_second_factor_first
def recover(request: HttpRequest) -> HttpResponseBase:
    """Show the person's archived keys, present and past, and have the checked ones recovered."""
    everything = "all" in request.GET
    checked = recovery_choices.checked(
        access.user(request), request.GET.getlist("token"), everything=everything
    )
    return _page(request, initial={"keys": checked})


@require_http_methods(["GET", "HEAD", "POST"])
@fresh_second_factor_first
def recover_replaced(request: HttpRequest, request_id: uuid.UUID) -> HttpResponseBase:
    """The same after a replacement, with the keys checked that its tokens opened; then go on with it."""
    row = access.own_replacement(request, request_id)
    purpose = _("My software tokens are replaced (request %(reference)s).") % {"reference": row.reference}
    checked = recovery_choices.of_replacement(row)
    return _page(request, initial={"keys": checked, "purpose": purpose}, replacement=row)


def _page(
    request: HttpRequest, *, initial: dict[str, Any], replacement: TokenRequest | None = None
) -> HttpResponseBase:
    person, factor = access.user(request), second_factor_shown(request)
    form = RecoverForm(request.POST if request.method == "POST" else None, person=person, initial=initial)
    made = form.perform(
        lambda: step1_recover.recover(
            actor=person, key_ids=form.key_ids, purpose=form.cleaned_data["purpose"], factor=factor
        )
    )
    if made is not None:
        messages.success(request, _("Your keys are being recovered."))
        return redirect(replacement_steps.address(replacement or made))
    obstacle = policy.online_obstacle(person, factor=factor, now=timezone.now())
    context = {"tab": "certificates", "form": form, "obstacle": obstacle, "replacement": replacement}
    context["devices"] = installation_help.named_last(person)
    if replacement is not None:
        context["go_on"] = replacement_steps.address(replacement)
    return render(request, "selfservice/recovery/recover.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
def consent(request: HttpRequest, recovery_id: uuid.UUID) -> HttpResponse:
    """Say who is to get which keys of the person; take their answer."""
    row = access.own_recovery(request, recovery_id)
    form = ConsentForm(request.POST if request.method == "POST" else None)
    answered = form.perform(
        lambda: owner_consent.answer(
            actor=row.owner, recovery_id=row.pk, agrees=form.cleaned_data["agrees"] == "yes"
        )
    )
    if answered:
        messages.success(request, _("Your answer is noted."))
        return redirect("selfservice:open-tasks")
    context = {
        "tab": "open_tasks",
        "form": form,
        "recovery": row,
        "not_asked": owner_consent.NOT_ASKED,
        "waits": Recovery.objects.awaiting_owner(row.owner_id).filter(pk=row.pk).exists(),
        "keys": row.keys.exclude(archived_key=None).select_related("archived_key__certificate__profile"),
    }
    return render(request, "selfservice/recovery/recovery_consent.html", context, status=form.status)


@require_safe
def forgotten_passphrase(request: HttpRequest) -> HttpResponse:
    """Say for each token what helps whoever does not have its passphrase, and what is lost."""
    person = access.user(request)
    context = {"tab": "certificates", "advice": passphrase_help.advice(person)}
    return render(request, "selfservice/recovery/forgotten_passphrase.html", context)


@require_safe
def new_device(request: HttpRequest) -> HttpResponse:
    """Files again for whoever has their passphrases; or all archived keys under one new passphrase."""
    person = access.user(request)
    choices = step1_recover.choices(person)
    context = {
        "tab": "certificates",
        "tokens": installation_help.tokens(person),
        "recoverable": sum(choice.reason is None for choice in choices),
        "by_officers": sum(choice.reason is not None for choice in choices),
    }
    return render(request, "selfservice/recovery/new_device.html", context)
