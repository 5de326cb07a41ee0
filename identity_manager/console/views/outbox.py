"""What an administrator does with a mail that the mail server refused."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from identity_manager.console import access, refusals, request_page
from identity_manager.console.forms import PressForm
from identity_manager.workflow import side_roads


def retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    request_id = access.request_of_mail_for_administrator(request, pk).pk
    actor = access.officer(request)
    form = PressForm(refusals.sent(request))
    if form.is_valid():
        with refusals.told_by(form):
            side_roads.retry_mail(actor=actor, mail_id=pk)
            messages.success(request, _("The mail is sent again."))
            return redirect("console:request", request_id)
    return request_page.response(request, actor, request_id, form=form)
