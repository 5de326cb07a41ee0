"""LDAP against a scripted server: ranges, referrals, lines that are cut, silence, refused binds."""

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from identity_manager.directory.configuration import SourceConfiguration, parse
from identity_manager.directory.contract import DirectoryPerson, End, Item, Members, SourceError
from identity_manager.directory.ldap.source import LdapSource
from identity_manager.models import RunMode
from tests.tools import scripted_ldap
from tests.tools.scripted_ldap import Answer, Asked, ScriptedLdap

pytestmark = pytest.mark.long

SECRET = "s3cret-of-the-bind"
FIELDS = {"personnel_number": "employeeID", "given_name": "givenName", "surname": "sn"}
ROOT = {
    "highestCommittedUSN": [b"77"],
    "dsServiceName": [b"CN=NTDS"],
    "defaultNamingContext": [b"DC=x"],
    "currentTime": [b"20200101000000.0Z"],
}


def guid(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


def person(number: int) -> dict[str, list[bytes]]:
    return {
        "objectGUID": [guid(number).bytes_le],
        "employeeID": [str(number).encode()],
        "givenName": [b"Pia"],
        "sn": [b"Falk"],
        "userAccountControl": [b"512"],
    }


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedLdap]:
    with scripted_ldap.running(tmp_path) as found:
        yield found


def script(server: ScriptedLdap, **answers: Any) -> None:
    """Answers by base: the root DSE and the server are as of a domain controller."""

    def answer(asked: Asked) -> Answer:
        if asked.base == "":
            return Answer({"": ROOT}, cookie=None)
        if asked.base == "CN=NTDS":
            return Answer({"CN=NTDS": {"invocationId": [guid(1).bytes_le]}}, cookie=None)
        given = answers.get(asked.base.partition("=")[2], Answer())
        return given(asked) if callable(given) else given

    server.answer = answer


def configuration(server: ScriptedLdap) -> SourceConfiguration:
    options = {
        "url": f"ldaps://{scripted_ldap.HOST}:{server.port}",
        "ca_file": str(server.folder / "trusted.pem"),
        "bind_dn": "reader",
        "base": "OU=people",
        "group_base": "OU=groups",
        "timeout": 2,
    }
    return parse("corp", {"kind": "ldap", "fields": FIELDS, "options": options}, secret=SECRET)


def read(server: ScriptedLdap) -> list[Item]:
    return list(LdapSource(configuration(server)).read(RunMode.FULL, {}))


def refusal(server: ScriptedLdap) -> str:
    with pytest.raises(SourceError) as refused:
        read(server)
    return refused.value.words


def test_a_list_in_ranges_is_read_to_its_end(server: ScriptedLdap) -> None:
    members = [f"<GUID={guid(number)}>;<SID=S-1-5-1>;CN=p{number}".encode() for number in range(7)]

    def groups(asked: Asked) -> Answer:
        group = {"objectGUID": [guid(99).bytes_le], "cn": [b"vpn"]}
        if asked.base == "OU=groups":
            return Answer({"CN=vpn": group | {"member;range=0-2": members[:3]}})
        ((first, _end),) = [each.split("=")[1].split("-") for each in asked.attributes if "range" in each]
        last = int(first) + 3
        part = f"member;range={first}-{'*' if last >= len(members) else last - 1}"
        return Answer({"CN=vpn": {part: members[int(first) : last]}}, cookie=None)

    script(server, people=Answer(), groups=groups, vpn=groups)

    keys = [key for each in read(server) if isinstance(each, Members) for key in each.keys]

    assert keys == [str(guid(number)) for number in range(7)]


def test_a_range_that_does_not_come_is_no_end(server: ScriptedLdap) -> None:
    group = {"objectGUID": [guid(99).bytes_le], "cn": [b"vpn"], "member;range=0-0": [b"<GUID=1>;CN=x"]}
    script(server, groups=Answer({"CN=vpn": group}), vpn=Answer(cookie=None))

    assert refusal(server) == "The directory broke off in the middle of a list of values."


def test_referrals_are_skipped(server: ScriptedLdap) -> None:
    script(server, people=Answer({"CN=p": person(5)}, references=["ldap://elsewhere.example/DC=y"]))

    assert [each.external_id for each in read(server) if isinstance(each, DirectoryPerson)] == [str(guid(5))]


def second_page(answer: Answer) -> Any:
    """A first page of three persons, then this."""
    first = Answer({f"CN=p{number}": person(number) for number in range(3)}, cookie=b"more")
    return lambda asked: answer if asked.cookie == b"more" else first


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(is_cut=True), "broke|does not answer"),
        (Answer(is_silent=True), "broke|does not answer"),
        (Answer(code=4), "stopped before the end of its answer"),
        (Answer(code=3), "stopped before the end of its answer"),
        (Answer(code=11), "stopped before the end of its answer"),
        (Answer(code=52), "stopped before the end of its answer"),
    ],
    ids=["cut", "silent", "size limit", "time limit", "page limit", "unavailable"],
)
def test_an_answer_by_halves_is_told(server: ScriptedLdap, answer: Answer, words: str) -> None:
    script(server, people=second_page(answer))

    told = refusal(server)
    assert any(each in told for each in words.split("|")), told


def test_all_pages_are_one_answer(server: ScriptedLdap) -> None:
    script(server, people=second_page(Answer({"CN=p9": person(9)})))

    items = read(server)

    assert len([each for each in items if isinstance(each, DirectoryPerson)]) == 4
    (end,) = (each for each in items if isinstance(each, End))
    assert any("clock" in note for note in end.notes)  # the script's clock is years behind


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("532", "The password of the bind has expired."),
        ("52e", "The directory refuses the bind: the name or the password is wrong."),
        ("533", "The account of the bind is disabled."),
        ("701", "The account of the bind has expired."),
        ("773", "The password of the bind has to be changed."),
        ("775", "The account of the bind is locked out."),
    ],
)
def test_why_active_directory_refuses_the_bind(
    server: ScriptedLdap, caplog: pytest.LogCaptureFixture, data: str, words: str
) -> None:
    caplog.set_level(logging.DEBUG)
    server.bind = (
        49,
        f"80090308: LdapErr: AcceptSecurityContext error, data {data}, v4f7c",
    )

    assert refusal(server) == words
    assert SECRET not in caplog.text
