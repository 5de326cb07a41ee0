"""The filters of SEARCH as query parameters: names, choices and lengths are those of its forms."""

import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from pydantic import Field, create_model

from identity_manager.api.v1.answers import Paging
from identity_manager.api.v1.clients import actor_of
from identity_manager.api.v1.problems import NotAccepted
from identity_manager.api.v1.schemas import PRINTABLE
from identity_manager.console.search.forms import LONGEST_TEXT, DayField, FilterField, KindForm, KnownField
from identity_manager.console.search.kind import SearchKind
from identity_manager.models import Person

DAY = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"})]
WORDS = Annotated[str, Field(max_length=LONGEST_TEXT, pattern=PRINTABLE)]
PERSONS = frozenset({"approver"})  # its addresses in SEARCH name a person by the key
FROM_DATABASE = frozenset({"token_type"})  # choices are rows, so not in the document


def of_form(name: str, form: type[KindForm], **more: Any) -> type[Paging]:
    """Build the query parameters of a list: paging, and every filter of the form."""
    fields: dict[str, Any] = {
        field: (_kind_of(field, declared) | None, Field(None, description=_in_words(field, declared)))
        for field, declared in form.base_fields.items()
    }
    return create_model(name, __base__=Paging, **fields, **more)


def found(request: HttpRequest, kind: SearchKind, asked: Paging) -> QuerySet[Any]:
    """The rows within the client's reach that match the filters. Raises NotAccepted."""
    wanted: Mapping[str, Any] = asked.model_dump(exclude_none=True)
    actor = actor_of(request)
    _refuse_unknown_persons(wanted)
    form = kind.form({name: str(value) for name, value in wanted.items()}, actor=actor)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        raise _not_valid(name, str(errors[0]))
    return kind.found(kind.reach(actor), form.cleaned_data)


def _refuse_unknown_persons(wanted: Mapping[str, Any]) -> None:
    """An id of nobody is a mistake; of somebody without a row it finds nothing. Raises NotAccepted."""
    for name in PERSONS & wanted.keys():
        if not Person.objects.filter(pk=wanted[name]).exists():
            raise _not_valid(name, _("No person has this id."))


def _not_valid(name: str, words: str) -> NotAccepted:
    return NotAccepted(HTTPStatus.UNPROCESSABLE_ENTITY, "not-valid", f"{name}: {words}")


def _kind_of(name: str, declared: Any) -> Any:
    if name in PERSONS:
        return uuid.UUID
    if isinstance(declared, DayField):
        return DAY
    if _is_closed(name, declared):
        return Literal[tuple(str(value) for value, _label in declared.offered if value)]
    return WORDS


def _is_closed(name: str, declared: Any) -> bool:
    """Whether the filter takes one of a list that is known when the process starts."""
    is_open = isinstance(declared, KnownField) or name in FROM_DATABASE
    return isinstance(declared, FilterField) and not is_open


def _in_words(name: str, declared: Any) -> str:
    """As the form labels it, with what each value of a closed list means."""
    if name in PERSONS:
        return f"{declared.label}: the id of a person"
    if not _is_closed(name, declared):
        return str(declared.label)
    said = (f"{value}: {label}" for value, label in declared.offered if value)
    return f"{declared.label} ({'; '.join(said)})"
