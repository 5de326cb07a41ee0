"""Help: what a token is, how to install, renew and replace it, and **My file does not open**."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from identity_manager.mail import install
from selfservice import access
from selfservice.help import help_texts, installation_help


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The help of Self-Service, for everybody who may sign in to it."""
    access.user(request)
    return render(request, "selfservice/help/help.html", {"sections": help_texts.SECTIONS})


@require_safe
def file_does_not_open(request: HttpRequest) -> HttpResponse:
    """Explain error messages of the chosen device, with remedies."""
    person = access.user(request)
    device = install.device(request.GET.get("device", ""))
    context = {
        "tab": "certificates",
        "device": device,
        "devices": installation_help.devices(device),
        "troubles": installation_help.TROUBLES[device.code] if device else (),
        "programs": installation_help.PROGRAMS,
        "unable": install.UNABLE,
        "tokens": installation_help.tokens(person),
    }
    return render(request, "selfservice/help/file_help.html", context)
