"""The rows of a page by their keys, for lists that find the keys first; made into SQL once and kept."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from ca_bridge.database.prepared_queries import PAGE, Among
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_request import TokenRequest


class RowsByKeys:
    """What a queryset has, as it was built; at_once: how many rows a page has."""

    def __init__(self, rows: QuerySet[Any], *, at_once: int = PAGE) -> None:
        def build(keys: list[Any]) -> QuerySet[Any]:
            return rows.filter(pk__in=keys).order_by()

        self._among = Among[Any](build, rows.model._meta.pk, at_once=at_once)

    def in_bulk(self, keys: Sequence[Any]) -> dict[Any, Any]:
        """As a queryset's: by their keys."""
        return {row.pk: row for row in self._among.rows(keys)}


def know_listed_tokens(requests: Sequence[TokenRequest]) -> None:
    """Have requests know what their rows in lists say of their tokens."""
    tokens = defaultdict[uuid.UUID, list[SoftwareToken]](list)
    rows = {row.pk: row for row in requests}
    for token in _LISTED.rows(rows):
        token.request = rows[token.request_id]
        tokens[token.request_id].append(token)
    for row in requests:
        row.listed_tokens = tokens[row.pk]  # type: ignore[attr-defined]  # as Prefetch does


def listed_tokens() -> QuerySet[SoftwareToken]:
    """Tokens with what the rows of their requests say."""
    return SoftwareToken.objects.select_related("token_type").only(
        *("state", "request", "round", "taken_out_by"),
        *("token_type__state", "token_type__name", "token_type__name_de"),
    )


_LISTED = Among[SoftwareToken](
    lambda requests: listed_tokens().filter(request__id__in=requests), TokenRequest._meta.pk
)
