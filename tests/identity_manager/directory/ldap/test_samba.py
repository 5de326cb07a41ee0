"""LDAP against a real domain controller of Active Directory's kind: identity, state, changes, tombstones."""

from collections.abc import Iterator
from typing import Any

import pytest

from identity_manager.directory.configuration import SourceConfiguration, parse
from identity_manager.directory.contract import (
    DirectoryPerson,
    End,
    Gone,
    Group,
    Item,
    Members,
    Present,
    SourceError,
)
from identity_manager.directory.ldap.source import LdapSource
from identity_manager.models import EntryState, RunMode
from tests.tools import samba
from tests.tools.samba import DOMAIN, PASSWORD, Samba

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs_program("samba", "samba-tool", "ldbadd"),
    pytest.mark.skipif(not samba.is_possible(), reason="binds the ports of a domain controller: root"),
]
FIELDS = {
    "personnel_number": "employeeID",
    "given_name": "givenName",
    "surname": "sn",
    "email": "mail",
    "upn": "userPrincipalName",
    "sid": "objectSid",
    "manager": "manager",
}
BIND = f"CN=reader,CN=Users,{DOMAIN}"


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    with samba.running(tmp_path_factory.mktemp("samba")) as found:
        found.ldb(
            "ldbadd",
            samba.user("zoe")
            + samba.user("nina", more=f"manager: CN=zoe,CN=Users,{DOMAIN}\n")
            + samba.user("dora", control=546)
            + samba.user("erik", more="accountExpires: 133000000000000000\n")
            + samba.user("max")
            + samba.group("north", "nina", "max")
            + samba.group("all-of-us", "north", "zoe"),
        )
        found.tool("user", "create", "reader", PASSWORD)
        found.tool("group", "addmembers", "Domain Admins", "reader")
        yield found


def configuration(domain: Samba, *, secret: str = PASSWORD, **options: Any) -> SourceConfiguration:
    given = {
        "url": f"ldaps://{samba.HOST}",
        "ca_file": domain.certificate,
        "bind_dn": BIND,
        "base": f"CN=Users,{DOMAIN}",
        "group_base": f"CN=Users,{DOMAIN}",
        "group_filter": "(|(cn=north)(cn=all-of-us))",
        "page_size": 3,
        "timeout": 10,
    }
    return parse("corp", {"kind": "ldap", "fields": FIELDS, "options": given | options}, secret=secret)


def read(domain: Samba, mode: RunMode = RunMode.FULL, cursor: Any = None, **options: Any) -> list[Item]:
    return list(LdapSource(configuration(domain, **options)).read(mode, cursor or {}))


def of(kind: type[Any], items: list[Item]) -> list[Any]:
    return [each for each in items if isinstance(each, kind)]


def people(items: list[Item]) -> dict[str, DirectoryPerson]:
    return {entry.values["personnel_number"]: entry for entry in of(DirectoryPerson, items)}


def test_identity_state_expiry_sid_and_manager(domain: Samba) -> None:
    found = people(read(domain))

    nina = found["A-nina"]
    assert nina.manager == nina_manager_of(found)
    assert nina.values["upn"] == "nina@ad.example.test"
    assert nina.values["sid"].startswith("S-1-5-21-")
    assert nina.external_id == nina.key
    assert (nina.state, found["A-dora"].state) == (EntryState.ACTIVE, EntryState.DISABLED)
    erik = found["A-erik"]
    assert erik.expires_at is not None
    assert (erik.expires_at.year, erik.state) == (2022, EntryState.ACTIVE)  # expiry is computed by the run
    assert nina.expires_at is None


def nina_manager_of(found: dict[str, DirectoryPerson]) -> str:
    return found["A-zoe"].external_id


def test_groups_name_their_members_by_id(domain: Samba) -> None:
    items = read(domain)
    found = people(items)

    groups = {group.external_id: group for group in of(Group, items)}
    members = {groups[each.group_id].name: set(each.keys) for each in of(Members, items)}
    assert members["north"] == {found["A-nina"].external_id, found["A-max"].external_id}
    (north,) = (group.key for group in groups.values() if group.name == "north")
    assert members["all-of-us"] == {north, found["A-zoe"].external_id}


def test_changes_renames_and_tombstones(domain: Samba) -> None:
    before = read(domain)
    found, cursor = people(before), of(End, before)[0].cursor
    domain.ldb("ldbadd", samba.user("gone"))
    created = read(domain, RunMode.CHANGES, cursor)
    assert set(people(created)) == {"A-gone"}
    cursor = of(End, created)[0].cursor

    domain.ldb(
        "ldbmodify",
        f"dn: CN=zoe,CN=Users,{DOMAIN}\nchangetype: modify\nreplace: mail\nmail: zoe.falk@example.com\n\n"
        f"dn: CN=max,CN=Users,{DOMAIN}\nchangetype: modrdn\nnewrdn: CN=maximilian\ndeleteoldrdn: 1\n\n"
        f"dn: CN=gone,CN=Users,{DOMAIN}\nchangetype: delete\n",
    )
    items = read(domain, RunMode.CHANGES, cursor)

    changed = people(items)
    assert changed["A-zoe"].values["email"] == "zoe.falk@example.com"
    assert changed["A-max"].external_id == found["A-max"].external_id
    assert [each.external_id for each in of(Gone, items)] == [people(created)["A-gone"].external_id]
    (end,) = of(End, items)
    assert end.has_all_ids is False

    ids = of(Present, read(domain, RunMode.IDS, cursor))
    assert found["A-nina"].external_id in {each.external_id for each in ids}


def test_another_domain_controller_is_read_from_the_beginning(domain: Samba) -> None:
    cursor = dict(of(End, read(domain))[0].cursor)
    assert of(DirectoryPerson, read(domain, RunMode.CHANGES, cursor)) == []

    elsewhere = cursor | {"invocation": "00000000-0000-0000-0000-000000000000"}
    for strange in (elsewhere, cursor | {"usn": cursor["usn"] + 1_000_000}):
        (end,) = of(End, items := read(domain, RunMode.CHANGES, strange))
        assert end.has_all_ids
        assert "A-nina" in people(items)


def test_why_a_bind_is_refused(domain: Samba) -> None:
    for control, words in ((514, "account of the bind is disabled"), (512, "name or the password is wrong")):
        domain.ldb(
            "ldbmodify",
            f"dn: {BIND}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: {control}\n",
        )
        secret = PASSWORD if control == 514 else "Wr0ng!pass"
        with pytest.raises(SourceError) as refused:
            read(domain, secret=secret)
        assert words in refused.value.words


def test_start_tls(domain: Samba) -> None:
    assert "A-nina" in people(read(domain, url=f"ldap://{samba.HOST}", start_tls=True))
