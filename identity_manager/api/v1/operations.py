"""The API, assembled once per process: operations, URLs, OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import Resolver404, URLResolver
from django.urls.resolvers import RegexPattern

from identity_manager.api.v1 import batch, events, people, problems, requests, tokens
from identity_manager.api.v1.clients import Door
from identity_manager.api.v1.parser import StrictParser
from identity_manager.api.v1.schema import Api

api = Api(
    title="Identity Manager",
    version="1",
    description="The verbs of the officers' portal for programs. See docs/reference/api.md.",
    docs_url=None,
    parser=StrictParser(),
)
problems.install(api)
for module in (people, requests, tokens, batch, events):
    api.add_router("", module.router)


def _operations() -> Iterator[Any]:
    for router in api._get_bound_routers():
        for path_view in router.path_operations.values():
            yield from path_view.operations


for operation in _operations():
    for door in operation.auth_callbacks:
        if isinstance(door, Door):
            door.operation = operation

_addresses = URLResolver(RegexPattern(r""), list(api.urls[0]))


def answer(request: HttpRequest, path: str) -> HttpResponse:
    """Answer one call; every error is a problem (RFC 9457)."""
    try:
        match = _addresses.resolve(path)
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    except (Resolver404, Http404):
        return problems.not_found()
    if isinstance(response, HttpResponseNotAllowed):
        return problems.not_allowed(response["Allow"])
    return response
