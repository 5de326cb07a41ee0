"""The resources of one source behind scim2-server's storage contract (RFC 7643, RFC 7644).

Writes change no person: the next run of the source reads the stored resources.
"""

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, cast

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from scim2_models import (
    InvalidValueException,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimFilter,
    SearchRequest,
    TooManyException,
    UniquenessException,
)
from scim2_models.path import CompareOperator, Comparison
from scim2_server.storage import ScimStorage, SearchPage
from scim2_server.utils import parametrize

from ca_bridge.errors import storable_text
from identity_manager.models import DirectorySource, ScimKind, ScimResource
from identity_manager.models.directory.scim import MOST_NAME
from identity_manager.transactions import locking

LAST_PLACE = 10**9  # no database takes an offset of 2^63 or more
MOST_COMPARED = 5_000  # resources that a filter without an index looks through
# Never kept: what a client sends to set a password.
NOT_KEPT = frozenset({"id", "meta", "password"})
INDEXED = {"username": "name_key", "displayname": "name_key", "externalid": "external_key", "id": "pk"}


class Storage(ScimStorage):
    """Users and groups of a source. models: the model of each kind, with its extensions."""

    def __init__(self, source: DirectorySource, models: dict[str, type[Resource[Any]]]) -> None:
        self.source = source
        self.models = models

    def operation(self) -> AbstractContextManager[None]:
        return cast("AbstractContextManager[None]", transaction.atomic())

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002 the contract's
    ) -> Resource[Any]:
        return self._resource(self._row(resource_type, resource_id))

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002 of pages by a cursor, which are not announced
    ) -> SearchPage:
        kinds = list(dict.fromkeys(str(each.name) for each in resource_types))
        rows = ScimResource.objects.filter(source=self.source, kind__in=kinds, deleted_at=None)
        wanted = search_request.filter
        if wanted is not None and (indexed := self._indexed(wanted, kinds)) is not None:
            rows, wanted = rows.filter(**indexed), None
        first = min(max((search_request.start_index or 1) - 1, 0), LAST_PLACE)
        if wanted is None:
            last = None if search_request.count is None else first + search_request.count
            return SearchPage(rows.count(), [self._resource(row) for row in rows[first:last]])
        found = list(self._matching(rows[: MOST_COMPARED + 1], wanted))
        last = None if search_request.count is None else first + search_request.count
        return SearchPage(len(found), found[first:last])

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        now = timezone.now()
        kind = ScimKind(str(resource_type.name))
        row = ScimResource(source=self.source, kind=kind, created_at=now, modified_at=now)
        return self._saved(row, resource, insert=True)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        row = self._locked(resource_type, resource.id, expected_version)
        row.version += 1
        row.modified_at = timezone.now()
        return self._saved(row, resource, insert=False)

    def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        row = self._locked(resource_type, resource_id, expected_version)
        row.deleted_at = row.modified_at = timezone.now()
        row.body = {}
        row.save(update_fields=["deleted_at", "modified_at", "body"])

    def _row(self, resource_type: ResourceType, resource_id: str | None) -> ScimResource:
        return self._one(ScimResource.objects.all(), resource_type, resource_id)

    def _locked(
        self, resource_type: ResourceType, resource_id: str | None, expected_version: str | None
    ) -> ScimResource:
        row = self._one(locking.scim_resources(), resource_type, resource_id)
        if expected_version not in (None, _version(row)):
            raise PreconditionFailedException
        return row

    def _one(self, rows: Any, resource_type: ResourceType, resource_id: str | None) -> ScimResource:
        row = rows.filter(pk=_uuid(resource_id), source=self.source, kind=resource_type.name).first()
        if row is None or row.deleted_at is not None:
            raise NotFoundException(detail=f"{resource_type.name} not found")
        return cast(ScimResource, row)

    def _saved(self, row: ScimResource, resource: Resource[Any], *, insert: bool) -> Resource[Any]:
        body, stored = resource.model_dump(mode="json", exclude_none=True), row.body or {}
        row.body = {name: value for name, value in body.items() if name not in NOT_KEPT}
        row.name_key = _key(body.get("userName" if row.kind == ScimKind.USER else "displayName"))
        row.external_key = _key(body.get("externalId"), folded=False)
        if row.kind == ScimKind.GROUP:
            self._tidy_members(row.body, stored)
        try:
            with transaction.atomic():
                row.save(force_insert=insert)
        except IntegrityError as error:
            raise UniquenessException(detail=_("The userName is taken.")) from error
        return self._resource(row)

    def _tidy_members(self, body: dict[str, Any], stored: dict[str, Any]) -> None:
        """Each member once, and nobody who is not there.

        stored: the group as it was. Whom it had and the client has deleted since is left out: a patch sends
        them along.
        """
        members = {str(each.get("value")): each for each in body.get("members", [])}
        known = ScimResource.objects.filter(source=self.source, deleted_at=None)
        ids = {key: _uuid(key) for key in members}
        there = set(known.filter(pk__in=[each for each in ids.values() if each]).values_list("pk", flat=True))
        had = {str(each.get("value")) for each in stored.get("members", [])}
        if unknown := [key for key, pk in ids.items() if pk not in there and key not in had]:
            raise InvalidValueException(detail=_("No such member: %(id)s") % {"id": ascii(unknown[0])[:60]})
        if members:
            body["members"] = [each for key, each in members.items() if ids[key] in there]

    def _resource(self, row: ScimResource) -> Resource[Any]:
        model = self.models[row.kind]
        resource = model.model_validate(row.body)
        resource.id = str(row.pk)
        resource.meta = Meta(
            resource_type=row.kind,
            created=row.created_at,
            last_modified=row.modified_at,
            version=_version(row),
        )
        return resource

    def _indexed(self, wanted: ScimFilter[Any], kinds: list[str]) -> dict[str, Any] | None:
        """The condition in SQL where an index answers it: one attribute eq a text, as Entra and Okta ask."""
        node = wanted.ast
        if not isinstance(node, Comparison) or node.op != CompareOperator.eq or len(kinds) != 1:
            return None
        name = str(node.attr_path).rpartition(":")[2].casefold()
        column = INDEXED.get(name)
        if column is None or not isinstance(node.value, str):
            return None
        if name == ("displayname" if kinds == [ScimKind.USER] else "username"):
            return None
        if column == "pk":
            return {"pk": _uuid(node.value)}
        return {column: _key(node.value, folded=column == "name_key")}

    def _matching(self, rows: Any, wanted: ScimFilter[Any]) -> Iterator[Resource[Any]]:
        resources = [self._resource(row) for row in rows]
        if len(resources) > MOST_COMPARED:
            raise TooManyException
        if not wanted.models and resources:
            kinds = tuple(dict.fromkeys(type(each) for each in resources))
            both: Any = kinds[0]
            for each in kinds[1:]:
                both = both | each
            wanted = parametrize(ScimFilter, both)(str(wanted))
        return (each for each in resources if wanted.match(each))


def _version(row: ScimResource) -> str:
    return f'W/"{row.version}"'


def _key(value: Any, *, folded: bool = True) -> str:
    text = storable_text(str(value or ""))
    if len(text) > MOST_NAME:
        raise InvalidValueException(detail=_("A name has 200 characters at most."))
    return text.casefold()[:MOST_NAME] if folded else text


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(text))
    except ValueError:
        return None
