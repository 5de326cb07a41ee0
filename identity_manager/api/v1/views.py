"""The single Django view of the API, which imports ninja and the operations at the first call only."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt


@csrf_exempt
@login_not_required
@never_cache
def answer(request: HttpRequest, path: str) -> HttpResponse:
    """Answer one call of a client, authenticated by token or certificate, without a session."""
    from identity_manager.api.v1 import operations

    return operations.answer(request, path)
