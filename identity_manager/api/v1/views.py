"""The one address of the API; its operations stand behind it, so that only a call imports ninja."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
@login_not_required
@never_cache
def answer(request: HttpRequest, path: str) -> HttpResponse:
    """Carry out one call of a client, which shows a token or a certificate and has no session."""
    from identity_manager.api.v1 import operations

    return operations.answer(request, path)
