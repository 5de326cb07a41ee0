"""Persons, groups of directories, token types: read only."""

import uuid
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router

from identity_manager.api.v1 import answers, filters
from identity_manager.api.v1.answers import Paging
from identity_manager.api.v1.clients import actor_of, needs
from identity_manager.api.v1.schemas import GroupOut, GroupPage, PersonOut, PersonPage, TypeOut, TypePage
from identity_manager.console.access import persons as access
from identity_manager.console.search import persons as person_list
from identity_manager.console.search.forms import EmployeeForm
from identity_manager.models import ApiScope, DirectoryGroup, PersonKind, TokenType
from identity_manager.models.people.person import PersonQuerySet

router = Router(tags=["persons"])
KINDS = {PersonKind.EMPLOYEE: person_list.EMPLOYEE, PersonKind.EXTERNAL: person_list.EXTERNAL}
PersonFilters: Any = filters.of_form(
    "PersonFilters", EmployeeForm, kind=(Literal["employee", "external"], "employee")
)


@router.get("/persons", operation_id="listPersons", auth=needs(ApiScope.PERSONS_READ), response=PersonPage)
def list_persons(request: HttpRequest, asked: Query[PersonFilters]) -> HttpResponse:
    """Persons of one kind, filtered as in SEARCH."""
    rows = filters.found(request, KINDS[PersonKind(asked.kind)], asked)
    return answers.page(request, rows, asked, shape=PersonPage)


@router.get(
    "/persons/{uuid:person_id}",
    operation_id="getPerson",
    auth=needs(ApiScope.PERSONS_READ),
    response=PersonOut,
    openapi_extra={"x-has-etag": True},
)
def get_person(request: HttpRequest, person_id: uuid.UUID) -> HttpResponse:
    """One person."""
    row = get_object_or_404(_persons(request), pk=person_id)
    return answers.one(PersonOut, row, version=row.version)


@router.get(
    "/persons/{uuid:person_id}/groups",
    operation_id="listGroupsOfPerson",
    auth=needs(ApiScope.GROUPS_READ),
    response=GroupPage,
)
def list_groups_of_person(request: HttpRequest, person_id: uuid.UUID, asked: Query[Paging]) -> HttpResponse:
    """The groups that a person is in, directly or through groups in them."""
    person = get_object_or_404(_persons(request), pk=person_id)
    return answers.page(request, _groups().filter(memberships__person=person), asked, shape=GroupPage)


@router.get("/groups", operation_id="listGroups", auth=needs(ApiScope.GROUPS_READ), response=GroupPage)
def list_groups(request: HttpRequest, asked: Query[Paging]) -> HttpResponse:
    """The groups of all directories, and those that officers keep."""
    return answers.page(request, _groups(), asked, shape=GroupPage)


@router.get(
    "/groups/{uuid:group_id}", operation_id="getGroup", auth=needs(ApiScope.GROUPS_READ), response=GroupOut
)
def get_group(request: HttpRequest, group_id: uuid.UUID) -> HttpResponse:  # noqa: ARG001 ninja wants it
    """One group."""
    return answers.one(GroupOut, get_object_or_404(_groups(), pk=group_id))


@router.get("/token-types", operation_id="listTokenTypes", auth=needs(ApiScope.TYPES_READ), response=TypePage)
def list_token_types(request: HttpRequest, asked: Query[Paging]) -> HttpResponse:
    """The token types in force."""
    return answers.page(request, TokenType.objects.active(), asked, shape=TypePage)


@router.get(
    "/token-types/{uuid:type_id}",
    operation_id="getTokenType",
    auth=needs(ApiScope.TYPES_READ),
    response=TypeOut,
)
def get_token_type(request: HttpRequest, type_id: uuid.UUID) -> HttpResponse:  # noqa: ARG001 ninja wants it
    """One token type in force."""
    return answers.one(TypeOut, get_object_or_404(TokenType.objects.active(), pk=type_id))


def _persons(request: HttpRequest) -> PersonQuerySet:
    """Persons within the client's reach; never actors of API clients."""
    return access.visible_persons(actor_of(request)).without_api_clients()


def _groups() -> QuerySet[DirectoryGroup]:
    return DirectoryGroup.objects.select_related("source")
