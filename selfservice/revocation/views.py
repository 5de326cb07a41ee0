"""**Revoke certificates** of one token, and **Revoke all softtoken types**.

PcmProcLockCertificates and PstmProcRevokeAllSofttokenTypes of Nexus.
"""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from identity_manager.account.sign_in import recent_sign_in_required
from identity_manager.models import Person, SoftwareToken
from identity_manager.workflow.archive import loss
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.revocation import revoke_all as revocation_of_all
from selfservice import access
from selfservice.certificates import token_details
from selfservice.revocation.forms import RevocationForm

PAGE = require_http_methods(["GET", "HEAD", "POST"])


@PAGE
def lock(request: HttpRequest, token_id: uuid.UUID) -> HttpResponse:
    """Say what happens to one token, ask why, revoke it."""
    row = access.own_token(request, token_id)
    form = RevocationForm(request.POST if request.method == "POST" else None, tokens=[row])
    locked = form.perform(
        lambda: revoke.revoke_token(
            actor=row.person,
            token_id=row.pk,
            reason=form.revocation_reason,
            encryption=form.encryption_ids,
        )
    )
    if locked:
        messages.success(request, _("Your certificates for %(type)s are revoked.") % {"type": row})
        return redirect("selfservice:token", row.pk)
    return render(
        request, "selfservice/revocation/lock.html", _of_one(request, token_id, form), status=form.status
    )


def _of_one(request: HttpRequest, token_id: uuid.UUID, form: RevocationForm) -> dict[str, Any]:
    """Context of the page of one token, as it stands now."""
    row = access.own_token(request, token_id)
    return {
        "tab": "certificates",
        "token": row,
        "form": form,
        "certificates": token_details.certificate_cards(row),
        "lockable": row.is_revocable,
        "not_in_use": revoke.NOT_IN_USE,
        "losses": loss.of_tokens([row.pk], own=True),
    }


@PAGE
@recent_sign_in_required
def revoke_all(request: HttpRequest) -> HttpResponse:
    """Say what happens to all tokens, ask why, revoke them at once."""
    person = access.user(request)
    tokens = revocation_of_all.revocable(person).select_related("token_type")
    form = RevocationForm(request.POST if request.method == "POST" else None, tokens=tokens)
    if form.perform(lambda: _revoke_all(person, form)):
        messages.success(request, _("Your software tokens are revoked. Their authorities are told now."))
        return redirect("selfservice:certificates")
    context = {
        "tab": "certificates",
        "tokens": tokens.all(),
        "form": form,
        "losses": loss.of_tokens(tokens.values_list("pk", flat=True), own=True),
        "nothing": revocation_of_all.NOTHING_TO_REVOKE,
    }
    return render(request, "selfservice/revocation/revoke_all.html", context, status=form.status)


def _revoke_all(person: Person, form: RevocationForm) -> list[SoftwareToken]:
    return revocation_of_all.revoke_all(
        actor=person,
        person_id=person.pk,
        reason=form.revocation_reason,
        encryption=form.encryption_ids,
    )
