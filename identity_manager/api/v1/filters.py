"""The filters of SEARCH as query parameters: names, choices and lengths are those of its forms."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from pydantic import Field, create_model

from identity_manager.api.v1.answers import Paging
from identity_manager.api.v1.clients import actor_of
from identity_manager.api.v1.problems import NotAccepted
from identity_manager.api.v1.schemas import PRINTABLE
from identity_manager.console.search.forms import LONGEST_TEXT, DayField, FilterField, KindForm, KnownField
from identity_manager.console.search.kind import SearchKind

DAY = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"})]
WORDS = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=PRINTABLE)]
FROM_DATABASE = frozenset({"token_type"})  # choices are rows, so not in the document


def of_form(name: str, form: type[KindForm], **more: Any) -> type[Paging]:
    """Build the query parameters of a list: paging, and every filter of the form."""
    fields: dict[str, Any] = {
        field: (_kind_of(field, declared) | None, Field(None, description=str(declared.label)))
        for field, declared in form.base_fields.items()
    }
    return create_model(name, __base__=Paging, **fields, **more)


def found(request: HttpRequest, kind: SearchKind, asked: Paging) -> QuerySet[Any]:
    """The rows within the client's reach that match the filters. Raises NotAccepted."""
    wanted: Mapping[str, Any] = asked.model_dump(exclude_none=True)
    actor = actor_of(request)
    form = kind.form(dict(wanted), actor=actor)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise NotAccepted(HTTPStatus.UNPROCESSABLE_ENTITY, "not-valid", f"{name}: {errors[0]}")
    return kind.found(kind.reach(actor), form.cleaned_data)


def _kind_of(name: str, declared: Any) -> Any:
    if isinstance(declared, DayField):
        return DAY
    is_open = isinstance(declared, KnownField) or name in FROM_DATABASE
    if isinstance(declared, FilterField) and not is_open:
        return Literal[tuple(str(value) for value, _label in declared.offered if value)]
    return WORDS
