"""Help: what a token is, how to install, renew and replace it, what to do when a device is lost."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from selfservice import access, help_texts


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The help of Self-Service, for everybody who may sign in to it."""
    access.user(request)
    return render(request, "selfservice/help.html", {"sections": help_texts.SECTIONS})
