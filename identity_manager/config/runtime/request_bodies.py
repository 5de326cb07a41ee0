"""Refusal of request bodies at /pki/, which is public and needs none except for OCSP.

The CSRF check would parse a body before the view could refuse it.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ca_bridge.publication.views import MAX_OCSP_REQUEST
from identity_manager.config.maintenance import PUBLISHED

OCSP = f"{PUBLISHED}ocsp"
REFUSED = (
    f"What is published here is fetched without a body. A request by OCSP is posted to {OCSP}"
    f" and has at most {MAX_OCSP_REQUEST} bytes."
)


class PublishedBodiesMiddleware:
    """Refuses bodies below /pki/ unread, except for OCSP requests of plausible size."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(PUBLISHED) and not _is_fine(request):
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            return HttpResponse(REFUSED, status=status, content_type="text/plain")
        return self.get_response(request)


def _is_fine(request: HttpRequest) -> bool:
    length = request.headers.get("Content-Length", "")
    is_empty = length in {"", "0"} and "Transfer-Encoding" not in request.headers  # RFC 9112 6.3
    if request.method == "POST" and request.path_info == OCSP:
        return is_empty or (length.isascii() and length.isdigit() and int(length) <= MAX_OCSP_REQUEST)
    return is_empty
