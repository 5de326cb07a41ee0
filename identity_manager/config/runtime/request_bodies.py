"""Bodies that nobody needs: what is published at /pki/ is fetched without one, and by anybody.

The cross-site check would parse a body before a view says that it takes none.
"""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ca_bridge.publication.views import MAX_OCSP_REQUEST
from identity_manager.config.maintenance import PUBLISHED

OCSP = f"{PUBLISHED}ocsp"


class PublishedBodiesMiddleware:
    """Refuses a body below /pki/ unread, but for a request by OCSP of the size that such requests have."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(PUBLISHED) and not _is_fine(request):
            return HttpResponse(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, content_type="text/plain")
        return self.get_response(request)


def _is_fine(request: HttpRequest) -> bool:
    length = request.headers.get("Content-Length", "")
    if request.method == "POST" and request.path_info == OCSP:
        return length.isascii() and length.isdigit() and int(length) <= MAX_OCSP_REQUEST
    return length in {"", "0"} and "Transfer-Encoding" not in request.headers
