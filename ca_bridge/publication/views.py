"""Public endpoints at /pki/ for relying parties: CRLs, CA certificates, OCSP."""

import base64
import binascii
import logging
from collections.abc import Callable
from typing import TypeVar

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ExtensionNotFound, OCSPNonce
from cryptography.x509.ocsp import (
    OCSPRequest,
    OCSPResponseBuilder,
    OCSPResponseStatus,
    load_der_ocsp_request,
)
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from ca_bridge.connection import registry
from ca_bridge.contract import Connector
from ca_bridge.contract_operation import AnswersOcsp, Publishes
from ca_bridge.errors import CaError
from ca_bridge.x509.der import MALFORMED

CACHE_SECONDS = 60  # short, so that revocations are seen soon; nextUpdate in CRL and response is separate
_FOR_ALL = f"public, max-age={CACHE_SECONDS}"
MAX_OCSP_REQUEST = 4096  # bytes; a request for one certificate has a hundred, a signed one some more
NONCE_BYTES = range(1, 129)  # RFC 9654 2.1
logger = logging.getLogger(__name__)
T = TypeVar("T")


@login_not_required
@require_safe
def published_file(request: HttpRequest, file_name: str) -> HttpResponse:  # noqa: ARG001 - a view's signature
    """Serve the file of the first CA that publishes this name. 404: none; 503: the CA is unavailable."""
    try:
        found = _published(file_name)
    except CaError as error:
        logger.warning("%s is not published: %s %s", file_name, error.message, error.detail)
        return HttpResponse(
            status=503, headers={"Retry-After": str(CACHE_SECONDS), "Cache-Control": "no-store"}
        )
    if found is None:
        raise Http404(file_name)
    content_type, content = found
    return HttpResponse(content, content_type=content_type, headers={"Cache-Control": _FOR_ALL})


def _published(file_name: str) -> tuple[str, bytes] | None:
    return _first(
        lambda connector: connector.published(file_name) if isinstance(connector, Publishes) else None
    )


def _first(ask: Callable[[Connector], T | None]) -> T | None:
    """The first answer that is not None. Raises CaError if there is none and a CA was unavailable."""
    troubles = []
    for alias in registry.aliases():
        try:
            found = ask(registry.reached(alias))
        except CaError as error:
            troubles.append(error)
            continue
        if found is not None:
            return found
    if troubles:
        raise troubles[0]
    return None


@login_not_required
@require_safe
def ocsp_by_get(request: HttpRequest, encoded: str) -> HttpResponse:
    """Answer an OCSP request in the path of a GET (RFC 6960 appendix A.1)."""
    return ocsp(request, encoded)


@login_not_required
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def ocsp(request: HttpRequest, encoded: str = "") -> HttpResponse:
    """Answer an OCSP request by POST (RFC 6960 appendix A); errors are OCSP responses too."""
    posted = request.method == "POST"
    answer, is_kept = _ocsp_answer(request.read(MAX_OCSP_REQUEST + 1) if posted else _decoded(encoded))
    response = HttpResponse(answer, content_type="application/ocsp-response")
    response["Cache-Control"] = _FOR_ALL if is_kept and not posted else "no-store"
    return response


def _decoded(encoded: str) -> bytes:
    """The request of a GET: base64 in the path, which the server has unquoted."""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _ocsp_answer(der: bytes) -> tuple[bytes, bool]:
    """The response, and whether caches may store it."""
    request = _well_formed(der)
    if request is None:
        return _ocsp_error(OCSPResponseStatus.MALFORMED_REQUEST), False
    try:
        answer = _answer_of_cas(request)
    except CaError as error:
        logger.warning("no OCSP answer: %s %s", error.message, error.detail)
        return _ocsp_error(OCSPResponseStatus.TRY_LATER), False
    if answer is None:  # not ours to say (RFC 5019 2.2.3)
        return _ocsp_error(OCSPResponseStatus.UNAUTHORIZED), False
    return answer, not len(request.extensions)


def _answer_of_cas(request: OCSPRequest) -> bytes | None:
    return _first(lambda connector: connector.ocsp(request) if isinstance(connector, AnswersOcsp) else None)


def _well_formed(der: bytes) -> OCSPRequest | None:
    """Whether the request names exactly one certificate (RFC 5019 2.1.1), with or without a nonce."""
    if len(der) > MAX_OCSP_REQUEST:
        return None
    try:
        request = load_der_ocsp_request(der)
        return request if _is_understood(request) and _nonce_length(request) in NONCE_BYTES else None
    except (*MALFORMED, NotImplementedError):
        return None


def _is_understood(request: OCSPRequest) -> bool:
    """Whether the serial number is positive (RFC 5280 4.1.2.2), so that there can be a response."""
    known = all(not each.critical or isinstance(each.value, OCSPNonce) for each in request.extensions)
    return known and request.serial_number >= 0


def _nonce_length(request: OCSPRequest) -> int:
    try:
        return len(request.extensions.get_extension_for_class(OCSPNonce).value.nonce)
    except ExtensionNotFound:
        return NONCE_BYTES.start


def _ocsp_error(status: OCSPResponseStatus) -> bytes:
    return OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
