"""What identity providers write, as Microsoft and Okta publish it; not tried with the products."""

import pytest

from identity_manager.models import ScimResource
from tests.identity_manager.api.scim.conftest import ENTERPRISE, ScimClient

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]


def members(client: ScimClient, group: str) -> list[str]:
    return [each["value"] for each in client.read(f"/Groups/{group}").get("members", [])]


# --- Microsoft Entra
def test_entra_tests_the_connection_with_a_name_that_nobody_has(client: ScimClient) -> None:
    found = client.read('/Users?filter=userName eq "0f2cb3d2-4a4e-4b1e-9a53-5a4f4a3c3f10"')
    assert (found["totalResults"], found.get("Resources", [])) == (0, [])


@pytest.mark.parametrize(("told", "active"), [("False", False), ("True", True), (False, False)])
def test_entra_writes_booleans_as_texts(client: ScimClient, told: object, *, active: bool) -> None:
    anna = client.user("anna@example.com", active="True")
    assert (
        client.patch(f"/Users/{anna['id']}", {"op": "Replace", "path": "active", "value": told}).status_code
        == 204
    )
    assert client.read(f"/Users/{anna['id']}")["active"] is active


def test_entra_writes_several_attributes_by_dotted_names(client: ScimClient) -> None:
    anna = client.user("anna@example.com")
    value = {"displayName": "Anna Berg", "name.givenName": "Anna", f"{ENTERPRISE}:department": "Research"}
    assert client.patch(f"/Users/{anna['id']}", {"op": "replace", "value": value}).status_code == 204
    now = client.read(f"/Users/{anna['id']}")
    assert (now["displayName"], now["name"]["givenName"]) == ("Anna Berg", "Anna")
    assert now[ENTERPRISE]["department"] == "Research"


@pytest.mark.parametrize("name", ["Add", "Replace"])
def test_entra_writes_a_value_of_a_type_that_is_not_there_yet(client: ScimClient, name: str) -> None:
    anna = client.user("anna@example.com")
    operation = {"op": name, "path": 'emails[type eq "work"].value', "value": "anna@example.com"}
    assert client.patch(f"/Users/{anna['id']}", operation).status_code == 204
    assert [each["value"] for each in client.read(f"/Users/{anna['id']}")["emails"]] == ["anna@example.com"]


def test_entra_removes_members_by_their_values(client: ScimClient) -> None:
    anna, bo, cy = (client.user(name)["id"] for name in ("anna", "bo", "cy"))
    group = client.group("vpn", anna, bo, cy)["id"]
    operation = {"op": "Remove", "path": "members", "value": [{"value": anna}, {"value": bo}]}
    assert client.patch(f"/Groups/{group}", operation).status_code == 204
    assert members(client, group) == [cy]


def test_entra_names_the_manager_by_a_bare_text(client: ScimClient) -> None:
    anna, bo = (client.user(name)["id"] for name in ("anna", "bo"))
    operation = {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": bo}
    assert client.patch(f"/Users/{anna}", operation).status_code == 204
    assert client.read(f"/Users/{anna}")[ENTERPRISE]["manager"]["value"] == bo


def test_entra_looks_for_groups_without_their_members(client: ScimClient) -> None:
    client.group("vpn", client.user("anna")["id"])
    (found,) = client.read('/Groups?filter=displayName eq "VPN"&excludedAttributes=members')["Resources"]
    assert found["displayName"] == "vpn"
    assert "members" not in found


def test_entra_creates_a_user_with_everything_it_knows(client: ScimClient) -> None:
    anna = client.user(
        "anna@example.com",
        externalId="P-1",
        active="True",
        name={"givenName": "Anna", "familyName": "Berg"},
        emails=[{"primary": True, "type": "work", "value": "anna@example.com"}],
        roles=[{"primary": "True", "value": "reader"}],
    )
    assert client.read('/Users?filter=externalId eq "P-1"')["Resources"][0]["id"] == anna["id"]


# --- Okta
def test_okta_deactivates_without_a_path(client: ScimClient) -> None:
    anna = client.user("anna")["id"]
    assert client.patch(f"/Users/{anna}", {"op": "replace", "value": {"active": False}}).status_code == 204
    assert client.read(f"/Users/{anna}")["active"] is False


def test_okta_puts_what_it_has_read_and_the_state_stays(client: ScimClient) -> None:
    """A PUT that does not say whether somebody is active is no word about it."""
    anna = client.user("anna", active=False, nickName="A")["id"]
    body = {
        key: value for key, value in client.read(f"/Users/{anna}").items() if key not in ("active", "meta")
    }
    assert client.send("PUT", f"/Users/{anna}", body | {"nickName": "Annie"}).status_code == 200
    now = client.read(f"/Users/{anna}")
    assert (now["active"], now["nickName"]) == (False, "Annie")


def test_okta_renames_a_group_with_its_id(client: ScimClient) -> None:
    group = client.group("vpn")["id"]
    operation = {"op": "replace", "value": {"id": group, "displayName": "remote"}}
    assert client.patch(f"/Groups/{group}", operation).status_code == 204
    assert client.read(f"/Groups/{group}")["displayName"] == "remote"


def test_a_member_is_there_once_however_often_it_is_added(client: ScimClient) -> None:
    anna, bo = (client.user(name)["id"] for name in ("anna", "bo"))
    group = client.group("vpn", anna)["id"]
    added = [{"value": anna, "display": "Anna"}, {"value": bo}]
    assert (
        client.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": added}).status_code == 204
    )
    assert sorted(members(client, group)) == sorted([anna, bo])


def test_an_unknown_member_is_refused(client: ScimClient) -> None:
    group = client.group("vpn")["id"]
    operation = {"op": "add", "path": "members", "value": [{"value": "nobody"}]}
    answer = client.patch(f"/Groups/{group}", operation)
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert members(client, group) == []


def test_a_member_whom_the_client_has_deleted_keeps_no_other_in_the_group(client: ScimClient) -> None:
    """A patch sends all members that the group had."""
    anna, bo, cy = (client.user(name)["id"] for name in ("anna", "bo", "cy"))
    group = client.group("vpn", anna, bo)["id"]
    client.send("DELETE", f"/Users/{anna}")
    added = {"op": "add", "path": "members", "value": [{"value": cy}]}
    assert client.patch(f"/Groups/{group}", added).status_code == 204
    assert sorted(members(client, group)) == sorted([bo, cy])
    removed = {"op": "remove", "path": f'members[value eq "{bo}"]'}
    assert client.patch(f"/Groups/{group}", removed).status_code == 204
    assert members(client, group) == [cy]


def test_users_are_listed_in_a_stable_order(client: ScimClient) -> None:
    made = [client.user(f"user{number}")["id"] for number in range(5)]
    pages = [client.read(f"/Users?startIndex={first}&count=2") for first in (1, 3, 5)]
    assert [each["id"] for page in pages for each in page["Resources"]] == made
    assert {page["totalResults"] for page in pages} == {5}


def test_a_page_beyond_any_end_is_empty(client: ScimClient) -> None:
    client.user("ann@example.com")
    assert client.read(f"/Users?startIndex={10**20}&count=2").get("Resources", []) == []


def test_a_taken_name_is_a_conflict(client: ScimClient) -> None:
    client.user("anna@example.com")
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Anna@Example.com"}
    assert client.send("POST", "/Users", body).status_code == 409


def test_a_deleted_user_is_gone_and_nothing_of_them_is_kept(client: ScimClient) -> None:
    anna = client.user("anna", name={"familyName": "Berg"})["id"]
    assert client.send("DELETE", f"/Users/{anna}").status_code == 204
    assert client.send("GET", f"/Users/{anna}").status_code == 404
    row = ScimResource.objects.get()
    assert (row.body, row.deleted_at is not None) == ({}, True)


def test_a_stale_version_changes_nothing(client: ScimClient) -> None:
    anna = client.user("anna")
    operation = {"op": "replace", "path": "nickName", "value": "A"}
    assert client.patch(f"/Users/{anna['id']}", operation, **{"If-Match": 'W/"7"'}).status_code == 412
    assert (
        client.patch(f"/Users/{anna['id']}", operation, **{"If-Match": anna["meta"]["version"]}).status_code
        == 204
    )


def test_several_writes_in_one_request(client: ScimClient) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name}}
        for name in ("anna", "bo")
    ]
    for each in operations:
        each["data"] |= {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}
    schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    answer = client.send("POST", "/Bulk", {"schemas": [schema], "Operations": operations})
    assert [each["status"] for each in answer.json()["Operations"]] == ["201", "201"]
    assert ScimResource.objects.count() == 2


# --- What others try
def test_no_password_is_kept(client: ScimClient) -> None:
    client.user("anna", password="Correct-Horse-9")
    assert "password" not in ScimResource.objects.get().body


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b'{"userName": "a\\u0000b"}', b'{"userName": "\\ud800"}', b"\xff", b"[" * 100_000],
)
def test_bad_input_is_a_client_error(client: ScimClient, raw: bytes) -> None:
    answer = client.client.post(
        "/scim/entra/v2/Users",
        raw,
        content_type="application/scim+json",
        headers={"Authorization": f"Bearer {client.token}"},
    )
    assert answer.status_code == 400
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert not ScimResource.objects.exists()


def test_too_much_is_refused(client: ScimClient) -> None:
    assert client.send("POST", "/Users", {"userName": "a" * 1_100_000}).status_code == 413


@pytest.mark.parametrize(
    "path", ["/Users/nobody", "/Users/%00", "/Nothing", "/Users?startIndex=x", "/Users?filter=("]
)
def test_addresses_of_nothing_are_client_errors(client: ScimClient, path: str) -> None:
    assert client.send("GET", path).status_code in (400, 404)
