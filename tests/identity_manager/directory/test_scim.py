"""What SCIM clients have written, read as any directory is read."""

from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from identity_manager.directory.contract import DirectoryPerson, End, Gone, Group, Item, Members
from identity_manager.directory.scim import MARGIN, ScimSource, value_at
from identity_manager.models import EntryState, RunMode, ScimResource
from tests.identity_manager.api.scim.conftest import ENTERPRISE, ScimClient, client, source, token

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]
__all__ = ["client", "source", "token"]  # fixtures


def read(mode: RunMode = RunMode.FULL, cursor: Any = None) -> tuple[list[Item], End]:
    *items, end = ScimSource(settings.DIRECTORY_SOURCES["entra"]).read(mode, cursor or {})
    assert isinstance(end, End)
    return items, end


def berg(client: ScimClient, **more: Any) -> str:
    body = {
        "externalId": "P-1",
        "name": {"givenName": "Anna", "familyName": "Berg"},
        "emails": [{"value": "old@example.com"}, {"value": "anna@example.com", "primary": True}],
        ENTERPRISE: {"department": "Research"},
    }
    return str(client.user("anna@example.com", **body, **more)["id"])


def test_a_user_is_an_entry(client: ScimClient) -> None:
    boss = client.user("boss", externalId="P-0")["id"]
    anna = berg(client)
    client.patch(f"/Users/{anna}", {"op": "add", "path": f"{ENTERPRISE}:manager", "value": boss})
    items, end = read()
    (found,) = [each for each in items if isinstance(each, DirectoryPerson) and each.external_id == anna]
    assert found.values == {
        "personnel_number": "P-1",
        "given_name": "Anna",
        "surname": "Berg",
        "email": "anna@example.com",
        "department": "Research",
        "upn": "anna@example.com",
    }
    assert (found.state, found.manager, found.problem) == (EntryState.ACTIVE, boss, "")
    assert (end.has_all_ids, end.has_groups) == (True, True)


def test_who_is_not_active_is_disabled_and_who_was_deleted_is_gone(client: ScimClient) -> None:
    anna, bo = berg(client), client.user("bo", externalId="P-2")["id"]
    client.patch(f"/Users/{anna}", {"op": "replace", "path": "active", "value": False})
    client.send("DELETE", f"/Users/{bo}")
    items, _end = read()
    assert {type(each): each for each in items}[Gone] == Gone(bo)
    assert [each.state for each in items if isinstance(each, DirectoryPerson)] == [EntryState.DISABLED]


def test_groups_come_with_their_members(client: ScimClient) -> None:
    anna = berg(client)
    group = client.group("grp-vpn", anna)["id"]
    items, _end = read()
    assert items[-2:] == [Group(group, group, "grp-vpn"), Members(group, (anna,))]


def test_a_user_without_a_personnel_number_has_a_problem(client: ScimClient) -> None:
    client.user("anna")
    (found,), _end = read()
    assert isinstance(found, DirectoryPerson)
    assert "personnel number" in found.problem


def test_the_next_run_reads_what_was_written_since(client: ScimClient) -> None:
    """Groups come whole, or not at all; where nothing was written no run is kept."""
    anna = berg(client)
    client.group("grp-vpn", anna)
    _items, end = read()
    with time_machine.travel(timezone.now() + 2 * MARGIN):
        _items, end = read(RunMode.CHANGES, end.cursor)  # once more, for what was committed late
    with time_machine.travel(timezone.now() + 3 * MARGIN):
        assert read(RunMode.CHANGES, end.cursor) == ([], End(end.cursor, is_idle=True))
    client.patch(f"/Users/{anna}", {"op": "replace", "path": "name.familyName", "value": "Lind"})
    items, later = read(RunMode.CHANGES, end.cursor)
    assert [each.values["surname"] for each in items if isinstance(each, DirectoryPerson)] == ["Lind"]
    assert not later.has_all_ids
    assert later.cursor != end.cursor


def test_a_write_that_ended_late_is_not_missed(client: ScimClient) -> None:
    """Its time is before that of the last run, which did not see it."""
    anna = berg(client)
    _items, end = read()
    ScimResource.objects.update(modified_at=F("modified_at") - MARGIN / 2)
    with time_machine.travel(timezone.now() + 2 * MARGIN):
        items, _end = read(RunMode.CHANGES, end.cursor)
    assert [each.external_id for each in items if isinstance(each, DirectoryPerson)] == [anna]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("userName", "anna"),
        ("name.familyName", "Berg"),
        ("emails", "b@x"),
        ("phoneNumbers", "1"),
        ("enterprise:manager", "boss"),
        ("enterprise:department", ""),
        ("nothing.at.all", ""),
        ("active", ""),
    ],
)
def test_values_are_found_by_their_path(path: str, value: str) -> None:
    body = {
        "userName": " anna ",
        "active": True,
        "name": {"familyName": "Berg"},
        "emails": [{"value": "a@x"}, {"value": "b@x", "primary": True}],
        "phoneNumbers": [{"value": "1"}, {"value": "2"}],
        ENTERPRISE: {"manager": {"value": "boss"}},
    }
    assert value_at(body, path) == value
