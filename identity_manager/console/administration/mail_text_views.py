"""ADMIN, Mail texts: to be read, as they are. The HTML stands in a sandbox of its own."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from identity_manager.console.access import administration, offices
from identity_manager.console.administration import mail_text_page
from identity_manager.console.outbox.mailbox_views import SANDBOX
from identity_manager.mail import inline_logo, specimens


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    offices.catalogue_reader(request)
    return render(request, "identity_manager/administration/mail_texts.html", mail_text_page.listing())


@require_safe
def show(request: HttpRequest, name: str, language: str) -> HttpResponse:
    administration.mail_text_for_reader(request, name, language)
    return render(
        request, "identity_manager/administration/mail_text.html", mail_text_page.context(name, language)
    )


@require_safe
@xframe_options_sameorigin
def html(request: HttpRequest, name: str, language: str) -> HttpResponse:
    administration.mail_text_for_reader(request, name, language)
    body = specimens.specimen(name, language=language).body_html
    return HttpResponse(inline_logo.shown(body), headers={"Content-Security-Policy": SANDBOX})
