"""CRLs and CA certificates for everybody who verifies a certificate, at /pki/."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ca_bridge import registry
from ca_bridge.contract import Publishes

CACHE_SECONDS = 60  # a revocation is to be seen soon; the CRL itself says how long it holds


@login_not_required
@require_safe
@cache_control(public=True, max_age=CACHE_SECONDS)
def published_file(request: HttpRequest, file_name: str) -> HttpResponse:  # noqa: ARG001 - a view's signature
    """Serve a file of the first CA that publishes one of this name; else 404."""
    for alias in registry.aliases():
        connector = registry.connector(alias)
        found = connector.published(file_name) if isinstance(connector, Publishes) else None
        if found is not None:
            content_type, content = found
            return HttpResponse(content, content_type=content_type)
    raise Http404(file_name)
