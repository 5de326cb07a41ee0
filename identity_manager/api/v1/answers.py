"""Answers: one row with its version as ETag, or a page behind a signed keyset cursor."""

import base64
import binascii
import hmac
import json
import uuid
from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from pydantic import Field

from identity_manager.api.v1.clients import client_of
from identity_manager.api.v1.problems import NotAccepted, precondition_failed
from identity_manager.api.v1.schemas import Strict

JSON = "application/json; charset=utf-8"
MAC_BYTES = 12
PAGING = frozenset({"limit", "cursor"})
Limit = Annotated[int, Field(ge=1, le=200, description="rows on a page")]
Cursor = Annotated[
    str, Field(min_length=1, max_length=400, pattern=r"^[A-Za-z0-9_-]+$", description="next of a page")
]


class Paging(Strict):
    """Paging parameters of every list."""

    limit: Limit = 50
    cursor: Cursor | None = None


def one(
    shape: type[Strict],
    row: Any,
    *,
    status: int = HTTPStatus.OK,
    version: int | None = None,
    address: str = "",
) -> HttpResponse:
    """Response with one row. version: for the ETag. address: Location header of a new row."""
    response = HttpResponse(shape.model_validate(row).model_dump_json(), status=status, content_type=JSON)
    if version is not None:
        response["ETag"] = f'"{version}"'
    if address:
        response["Location"] = address
    return response


def page(
    request: HttpRequest,
    rows: QuerySet[Any],
    paging: Paging,
    *,
    shape: type[Strict],
    newest: bool = False,
    by_number: bool = False,
) -> HttpResponse:
    """A page of rows by primary key (UUIDv7: in order of creation), with the cursor of the next page.

    shape: a page, with items and next. newest: the newest first. by_number: in the order of `number`, which
    rows get after they were committed; a key is made before, so one could appear behind a cursor.
    """
    about = _about(request, newest) + ("number" if by_number else "")
    order = "number" if by_number else "pk"
    rows = rows.order_by(f"-{order}" if newest else order)
    if paging.cursor:
        last = _read(paging.cursor, about)
        after = last.int if by_number else last
        rows = rows.filter(**{f"{order}__lt" if newest else f"{order}__gt": after})
    found = list(rows[: paging.limit + 1])
    items, more = found[: paging.limit], len(found) > paging.limit
    cursor = _cursor(_place_of(items[-1], by_number=by_number), about) if more else None
    body = shape.model_validate({"items": items, "next": cursor})
    return HttpResponse(body.model_dump_json(), content_type=JSON)


def check_version(given: str | None, version: int) -> None:
    """Compare If-Match (RFC 9110 13.1.1) with the version of a locked row. Raises NotAccepted."""
    if given not in (None, "*", f'"{version}"'):
        raise precondition_failed()


def _about(request: HttpRequest, newest: bool) -> str:  # noqa: FBT001 part of what is signed
    """The signed context of a cursor: it is valid for one client, list, order and set of filters."""
    filters = sorted((name, value) for name, value in request.GET.items() if name not in PAGING)
    return json.dumps([str(client_of(request).pk), request.path, newest, filters])


def _place_of(row: Any, *, by_number: bool) -> uuid.UUID:
    return uuid.UUID(int=row.number) if by_number else row.pk


def _cursor(key: uuid.UUID, about: str) -> str:
    return base64.urlsafe_b64encode(_mac(key, about) + key.bytes).decode().rstrip("=")


def _read(cursor: str, about: str) -> uuid.UUID:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except (ValueError, binascii.Error):
        raw = b""
    if len(raw) == MAC_BYTES + 16:
        key = uuid.UUID(bytes=raw[MAC_BYTES:])
        if hmac.compare_digest(raw[:MAC_BYTES], _mac(key, about)):
            return key
    sentence = _("This cursor is of another list, other filters or another client.")
    raise NotAccepted(HTTPStatus.UNPROCESSABLE_ENTITY, "cursor-not-valid", sentence)


def _mac(key: uuid.UUID, about: str) -> bytes:
    signed = b"api cursor\n" + key.bytes + about.encode()
    return hmac.digest(settings.SECRET_KEY.encode(), signed, sha256)[:MAC_BYTES]
