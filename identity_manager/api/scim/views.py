"""URL of SCIM clients. A bearer token authenticates them for one source."""

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from scim2_models import SCIMException, UnauthorizedException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse

from identity_manager.api.scim.service import MOST_BYTES, Service, provider
from identity_manager.people.api_access import scim_tokens
from identity_manager.people.scim_storage import Storage


@csrf_exempt
@login_not_required
@never_cache
def answer(request: HttpRequest, source: str, path: str) -> HttpResponse:
    """Answer one request of RFC 7644; errors are those of its section 3.12."""
    service = Service(provider())
    given = _given(request, source, path)
    try:
        token = scim_tokens.used(source=source, secret=_bearer(request))
        if token is None:
            raise UnauthorizedException
        service.check_body(given.body)
        models = {str(each.name): service.get_model(each) for each in service.provider.resource_types}
        with service.provider, transaction.atomic():
            reply = ScimHandler(service, Storage(token.source, models)).handle(given)
    except SCIMException as error:
        reply = service.error_response(error)
    return _response(reply)


def _given(request: HttpRequest, source: str, path: str) -> ScimRequest:
    """The request, its body up to one octet more than is taken: the service says that it is too much."""
    return ScimRequest(
        method=request.method or "",
        base_url=request.build_absolute_uri(f"/scim/{source}/v2"),
        path=path,
        query=request.GET.dict(),
        headers=dict(request.headers),
        body=request.read(MOST_BYTES + 1),
    )


def _bearer(request: HttpRequest) -> str:
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.casefold() == "bearer" else ""


def _response(reply: ScimResponse) -> HttpResponse:
    if reply.body is None:
        response = HttpResponse(status=reply.status)
        del response.headers["Content-Type"]
    else:
        response = JsonResponse(reply.body, status=reply.status)
    for name, value in reply.headers.items():
        if reply.body is not None or name != "Content-Type":
            response.headers[name] = value
    return response
