"""LDAP against OpenLDAP itself: TLS, pages, limits, changes, ids and groups."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from identity_manager.directory.configuration import SourceConfiguration, parse
from identity_manager.directory.contract import (
    DirectoryPerson,
    End,
    Group,
    Item,
    Members,
    Present,
    SourceError,
)
from identity_manager.directory.ldap.source import LdapSource
from identity_manager.models import EntryState, RunMode
from tests.interop.tls_certificates import Authority
from tests.tools import slapd
from tests.tools.slapd import SUFFIX, Slapd

pytestmark = [pytest.mark.needs_program("slapd", "ldapmodify"), pytest.mark.long]
PERSONS = 45  # more than two pages
FIELDS = {
    "personnel_number": "employeeNumber",
    "given_name": "givenName",
    "surname": "sn",
    "email": "mail",
    "manager": "manager",
    "language": "preferredLanguage",
    "state": {"attribute": "employeeType", "values": {"": "active", "LOA": "leaving"}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    entries = "".join(slapd.person(number, manager=0 if number else None) for number in range(PERSONS))
    entries += slapd.group("north", "uid=p1,ou=people", "uid=p2,ou=people")
    entries += slapd.group("all", "cn=north,ou=groups", "uid=p3,ou=people")
    with slapd.running(tmp_path_factory.mktemp("slapd"), entries) as found:
        yield found


def configuration(server: Slapd, *, secret: str = slapd.PASSWORD, **options: Any) -> SourceConfiguration:
    given = {
        "url": f"ldaps://{slapd.HOST}:{server.tls_port}",
        "ca_file": server.certificate,
        "bind_dn": f"cn=sync,{SUFFIX}",
        "base": f"ou=people,{SUFFIX}",
        "group_base": f"ou=groups,{SUFFIX}",
        "flavour": "generic",
        "page_size": 20,
        "timeout": 5,
    }
    return parse("corp", {"kind": "ldap", "fields": FIELDS, "options": given | options}, secret=secret)


def read(server: Slapd, mode: RunMode = RunMode.FULL, cursor: Any = None, **options: Any) -> list[Item]:
    return list(LdapSource(configuration(server, **options)).read(mode, cursor or {}))


def of(kind: type[Any], items: list[Item]) -> list[Any]:
    return [each for each in items if isinstance(each, kind)]


def refusal(server: Slapd, **options: Any) -> str:
    with pytest.raises(SourceError) as refused:
        read(server, **options)
    assert slapd.PASSWORD not in f"{refused.value} {refused.value.words} {refused.value.__cause__}"
    return refused.value.words


def test_all_pages_are_read_and_mapped(server: Slapd) -> None:
    items = read(server)

    entries = of(DirectoryPerson, items)
    assert len({entry.external_id for entry in entries}) == PERSONS
    one = next(entry for entry in entries if entry.values["personnel_number"] == "L1")
    assert one.values == {
        "personnel_number": "L1",
        "given_name": "Pia",
        "surname": "Falk1",
        "email": "p1@example.com",
        "language": "",
    }
    assert (one.key, one.manager, one.state) == (
        f"uid=p1,ou=people,{SUFFIX}",
        f"uid=p0,ou=people,{SUFFIX}",
        EntryState.ACTIVE,
    )
    (end,) = of(End, items)
    assert (end.has_all_ids, end.has_groups) == (True, True)


def test_groups_have_their_members_nested_ones_too(server: Slapd) -> None:
    items = read(server)

    names = {group.external_id: group for group in of(Group, items)}
    members = {names[each.group_id].name: set(each.keys) for each in of(Members, items)}
    assert members["all"] == {f"cn=north,ou=groups,{SUFFIX}", f"uid=p3,ou=people,{SUFFIX}"}
    assert f"cn=north,ou=groups,{SUFFIX}" in {group.key for group in names.values()}


def test_changes_are_read_alone_and_ids_when_they_are_asked_for(server: Slapd) -> None:
    cursor = of(End, read(server))[0].cursor
    server.modify(
        f"dn: uid=p5,ou=people,{SUFFIX}\nchangetype: modify\nreplace: employeeType\nemployeeType: LOA\n"
    )

    items = read(server, RunMode.CHANGES, {**cursor, "modified": "20990101000000Z"})
    assert of(DirectoryPerson, items) == []
    items = read(server, RunMode.CHANGES, cursor)
    changed = {entry.values["personnel_number"]: entry.state for entry in of(DirectoryPerson, items)}
    assert changed["L5"] == EntryState.LEAVING
    (end,) = of(End, items)
    assert (end.has_all_ids, end.has_groups, of(Present, items)) == (False, False, [])
    assert end.cursor["modified"] > cursor["modified"]

    assert len(of(Present, read(server, RunMode.IDS, cursor))) == PERSONS


def test_a_changed_group_brings_all_ids_with_it(server: Slapd) -> None:
    cursor = of(End, read(server))[0].cursor
    server.modify(
        f"dn: cn=north,ou=groups,{SUFFIX}\nchangetype: modify\nadd: member\n"
        f"member: uid=p9,ou=people,{SUFFIX}\n"
    )

    items = read(server, RunMode.CHANGES, cursor)

    (end,) = of(End, items)
    assert (end.has_groups, end.has_all_ids, len(of(Present, items))) == (True, True, PERSONS)


def test_start_tls_is_as_good_as_ldaps(server: Slapd) -> None:
    url = f"ldap://{slapd.HOST}:{server.port}"
    assert len(of(DirectoryPerson, read(server, url=url, start_tls=True))) == PERSONS


@pytest.mark.parametrize("start_tls", [False, True])
def test_a_certificate_of_a_stranger_is_refused(server: Slapd, tmp_path: Path, start_tls: bool) -> None:  # noqa: FBT001 a parameter
    url = f"ldap://{slapd.HOST}:{server.port}" if start_tls else f"ldaps://{slapd.HOST}:{server.tls_port}"
    stranger = str(Authority.make("Stranger").bundle(tmp_path))

    words = refusal(server, url=url, start_tls=start_tls, ca_file=stranger)

    assert words == "The certificate of the directory is not the right one."


@pytest.mark.parametrize(
    ("host", "words"),
    [
        (slapd.UNNAMED, "The certificate of the directory is for another name."),
        ("localhost", "The certificate of the directory is not the right one."),
    ],
)
def test_a_name_that_the_certificate_does_not_have_is_refused(server: Slapd, host: str, words: str) -> None:
    assert refusal(server, url=f"ldaps://{host}:{server.tls_port}") == words


def test_a_page_that_the_server_does_not_allow_is_no_empty_directory(server: Slapd) -> None:
    assert "stopped before the end of its answer" in refusal(server, page_size=100)


def test_a_wrong_or_missing_password(server: Slapd) -> None:
    assert "name or the password is wrong" in refusal(server, secret="wrong")
    assert "no password" in refusal(server, secret="")


def test_nobody_listens(server: Slapd) -> None:
    assert refusal(server, url=f"ldaps://{slapd.HOST}:9") == "The directory cannot be reached."


def test_a_base_that_does_not_exist_is_no_empty_directory(server: Slapd) -> None:
    assert "stopped before the end" in refusal(server, base=f"ou=nobody,{SUFFIX}")
