"""Idempotency keys: a repeated POST gets the first answer and has no second effect.

The row of the key, the effects of the verb and the answer are one transaction, so that a crash leaves all or
nothing. A refusal is an answer too, and is stored: a verb may have committed a part and then refuse.
"""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Header

from identity_manager.api.v1 import problems
from identity_manager.api.v1.clients import client_of
from identity_manager.api.v1.problems import NotAccepted
from identity_manager.people.api_access import api_calls
from identity_manager.transactions.refusals import Refused

REPLAYED = "Idempotent-Replayed"
KEPT_HEADERS = ("Content-Type", "ETag", "Location")
IdempotencyKey = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")
]
IfMatch = Annotated[str | None, Header(alias="If-Match", pattern=r'^(\*|"[0-9]{1,10}")$')]


def once(request: HttpRequest, key: str, act: Callable[[], HttpResponse]) -> HttpResponse:
    """Do `act` unless the client has done it under this key, and answer. Raises NotAccepted."""
    with transaction.atomic():
        call, is_new = api_calls.begin(client_of(request), key=key, request_sha256=_digest(request))
        if is_new:
            response = _answer(act)
            headers = {name: response[name] for name in KEPT_HEADERS if name in response}
            api_calls.settle(
                call, status=response.status_code, headers=headers, body=response.content.decode()
            )
            return response
    if call.request_sha256 != _digest(request):
        sentence = _("This idempotency key was used for another call.")
        raise NotAccepted(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-used", sentence)
    replayed = HttpResponse(call.body, status=call.status, headers=call.headers)
    replayed[REPLAYED] = "true"
    return replayed


def _answer(act: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return act()
    except Refused as refused:
        return problems.of_refusal(refused)


def _digest(request: HttpRequest) -> str:
    parts = (request.method or "", request.path, request.body.decode("utf-8", errors="replace"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
