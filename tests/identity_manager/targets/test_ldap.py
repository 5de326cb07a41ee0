"""The LDAP target against OpenLDAP itself, and against Samba as Active Directory (long)."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from identity_manager.ldap_connection import LdapClient, ValueChange
from identity_manager.targets.contract import Doubtful, Item, NoPlace, Presence, Put, Refused, Unavailable
from identity_manager.targets.ldap.connector import LdapTarget
from tests.identity_manager.targets import directories
from tests.identity_manager.targets.directories import PERSONS, Directory
from tests.tools import slapd
from tests.tools.x509 import person_certificate

pytestmark = [pytest.mark.needs_program("slapd", "ldapmodify"), pytest.mark.long]


@pytest.fixture(scope="module", params=["slapd", directories.SAMBA])
def directory(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Directory]:
    with directories.running(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture
def target(directory: Directory) -> Iterator[LdapTarget]:
    found = directory.target()
    yield found
    found.close()


_serials = iter(range(1000, 100_000))


@pytest.fixture
def item() -> Item:
    return Item(person_certificate(next(_serials)))


def by_others(directory: Directory, name: str, value: bytes, *, what: str = "add") -> None:
    """Somebody else adds or deletes a value."""
    coded = base64.b64encode(value).decode()
    line = f"{what}: {directory.attribute}\n{directory.attribute}:: {coded}\n"
    directory.change(f"dn: {directory.dn(name)}\nchangetype: modify\n{line}-\n\n")


def mail(name: str) -> str:
    return f"{name}@example.com"


def test_single_values_come_and_go_and_others_stay(
    directory: Directory, target: LdapTarget, item: Item
) -> None:
    other = person_certificate(next(_serials))
    by_others(directory, "p0", other)
    place = target.locate(mail("p0"))
    assert target.put(place, item) == Put.ADDED
    assert target.look(place, item) == Presence.THERE
    assert target.put(place, item) == Put.WAS_THERE
    target.take_back(place, item)
    assert target.look(place, item) == Presence.ABSENT
    target.take_back(place, item)  # nothing to remove is fine
    assert target.look(place, Item(other)) == Presence.THERE


def test_a_renewal_swaps_in_one_modify(
    target: LdapTarget, item: Item, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Item(person_certificate(next(_serials)))
    place = target.locate(mail("p0"))
    target.put(place, item)
    changes: list[ValueChange] = []
    modify = LdapClient.modify
    monkeypatch.setattr(
        LdapClient, "modify", lambda self, dn, change: changes.append(change) or modify(self, dn, change)
    )
    assert target.put(place, new, instead_of=item) == Put.ADDED
    assert [(each.remove, each.add) for each in changes] == [([item.certificate], [new.certificate])]
    assert (target.look(place, item), target.look(place, new)) == (Presence.ABSENT, Presence.THERE)


def test_the_new_one_comes_where_others_have_removed_the_old(
    directory: Directory, target: LdapTarget, item: Item
) -> None:
    new = Item(person_certificate(next(_serials)))
    place = target.locate(mail("p0"))
    target.put(place, item)
    by_others(directory, "p0", item.certificate, what="delete")
    assert target.put(place, new, instead_of=item) == Put.ADDED
    assert target.look(place, new) == Presence.THERE


def test_the_same_value_by_a_stranger_was_there_before_us(
    directory: Directory, target: LdapTarget, item: Item
) -> None:
    by_others(directory, "p1", item.certificate)
    assert target.put(target.locate(mail("p1")), item) == Put.WAS_THERE


def test_a_twin_with_other_bytes_is_never_removed_in_its_place(
    directory: Directory, target: LdapTarget
) -> None:
    serial = next(_serials)
    ours, twin = Item(person_certificate(serial)), Item(person_certificate(serial))
    by_others(directory, "p1", twin.certificate)
    place = target.locate(mail("p1"))
    if directory.is_ad:  # compares by bytes: both can be there
        assert target.put(place, ours) == Put.ADDED
    else:
        with pytest.raises(Refused, match="same issuer and serial"):
            target.put(place, ours)
    target.take_back(place, ours)
    assert (target.look(place, ours), target.look(place, twin)) == (Presence.ABSENT, Presence.THERE)


def test_an_entry_that_was_renamed_is_found_by_its_id(
    directory: Directory, target: LdapTarget, item: Item
) -> None:
    place = target.locate(mail("p2"))
    target.put(place, item)
    directory.rename("p2", "p2-married")
    assert target.look(place, item) == Presence.THERE
    target.take_back(place, item)
    assert target.look(place, item) == Presence.ABSENT
    directory.rename("p2-married", "p2")


def test_an_entry_that_was_moved_is_found_by_its_id(
    directory: Directory, target: LdapTarget, item: Item
) -> None:
    place = target.locate(mail("p1"))
    target.put(place, item)
    directory.move("p1")
    assert target.look(place, item) == Presence.THERE
    assert target.locate(mail("p1")) == place
    if directory.is_ad:  # whoever moves an entry takes the rights away that were inherited
        with pytest.raises(Refused) as raised:
            target.take_back(place, item)
        assert "protects this entry" in raised.value.words
        directory.move("p1", back=True)
        target.take_back(place, item)
    else:
        target.take_back(place, item)
        directory.move("p1", back=True)
    assert target.look(place, item) == Presence.ABSENT


def test_renamed_between_the_search_and_the_modify_it_is_tried_again(
    directory: Directory, target: LdapTarget, item: Item
) -> None:
    place = target.locate(mail("p2"))
    directory.rename("p2", "p2-moved")
    with pytest.raises(NoPlace):
        target.put(place, item)
    assert target.put(target.locate(mail("p2")), item) == Put.ADDED
    directory.rename("p2-moved", "p2")


def test_an_entry_that_was_made_again_is_another_one(
    directory: Directory, target: LdapTarget, item: Item
) -> None:
    place = target.locate(mail("p3"))
    target.put(place, item)
    directory.remove("p3")
    directory.add("p3")
    by_others(directory, "p3", item.certificate)
    target._located.clear()
    assert target.look(place, item) == Presence.ABSENT
    target.take_back(place, item)
    with pytest.raises(NoPlace):
        target.put(place, item)
    new = target.locate(mail("p3"))
    assert new != place
    assert target.look(new, item) == Presence.THERE  # not ours: nobody has touched it


def test_a_protected_entry_refuses(target: LdapTarget, item: Item) -> None:
    with pytest.raises(Refused) as raised:
        target.put(target.locate(mail("p90")), item)
    assert "protects this entry" in raised.value.words


def test_nobody_or_several(directory: Directory, target: LdapTarget) -> None:
    with pytest.raises(NoPlace):
        target.locate("nobody@example.com")
    with pytest.raises(NoPlace):
        target.locate("*")  # no filter is made of it
    line = "replace: title\ntitle: same\n"
    for name in ("p4", "p5"):
        directory.change(f"dn: {directory.dn(name)}\nchangetype: modify\n{line}\n")
    by_title = directory.target(match="title")
    with pytest.raises(Refused, match="several"):
        by_title.locate("same")
    by_title.close()


def test_two_publishers_at_once_lose_nothing(directory: Directory) -> None:
    count = 20 if directory.is_ad else 60
    items = [Item(person_certificate(next(_serials))) for _number in range(2 * count)]
    old = [Item(person_certificate(next(_serials))) for _number in range(count)]
    first = directory.target()
    place = first.locate(mail("p4"))
    for each in old:
        first.put(place, each)

    def publish(mine: list[Item], gone: list[Item]) -> None:
        target = directory.target()
        for each in mine:
            target.put(place, each)
        for each in gone:
            target.take_back(place, each)
        target.close()

    half = [(items[:count], old[: count // 2]), (items[count:], old[count // 2 :])]
    threads = [threading.Thread(target=publish, args=each) for each in half]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {first.look(place, each) for each in items} == {Presence.THERE}
    assert {first.look(place, each) for each in old} == {Presence.ABSENT}
    first.close()


def test_a_survey_reads_every_page_and_tells_of_older_values(
    directory: Directory, target: LdapTarget, item: Item
) -> None:
    for number in range(PERSONS):
        target.put(target.locate(mail(f"p{number}")), Item(person_certificate(next(_serials))))
    place = target.locate(mail("p5"))
    target.put(place, item)
    older = base64.b64encode(b"an older value").decode()
    directory.change(
        f"dn: {directory.dn('p5')}\nchangetype: modify\nadd: userSMIMECertificate\n"
        f"userSMIMECertificate:: {older}\n\n"
    )
    found = {held.place: held for held in target.survey()}
    assert len(found) >= PERSONS
    assert hashlib.sha256(item.certificate).hexdigest() in found[place].fingerprints
    assert [held.place for held in found.values() if held.has_older] == [place]


def test_the_test_says_what_it_found(directory: Directory, target: LdapTarget) -> None:
    assert "finds entries" in target.check()
    nothing = directory.target(filter="(sn=Nobody)")
    with pytest.raises(Unavailable, match="finds no entry"):
        nothing.check()
    nothing.close()


@pytest.mark.parametrize(
    ("secret", "options", "words"),
    [
        ("wrong", {}, "refuses the bind"),  # expired or withdrawn
        ("", {}, "no password"),
        (None, {"ca_file": ""}, "certificate of the directory"),
        (None, {"url": "ldaps://127.0.0.1:1"}, "cannot be reached"),
    ],
)
def test_a_directory_that_refuses_us_as_a_whole(
    directory: Directory, secret: str | None, options: dict[str, str], words: str
) -> None:
    target = directory.target(secret=secret, **options)
    with pytest.raises(Unavailable) as raised:
        target.locate(mail("p0"))
    assert words in raised.value.words
    assert directory.password not in f"{raised.value} {raised.value.words}"
    target.close()


# --- OpenLDAP alone


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Directory]:
    """A server that a test ends."""
    entries = "".join(slapd.person(number) for number in range(PERSONS))
    with slapd.running(tmp_path, entries) as found:
        yield directories.of_slapd(found)


def test_it_ends_between_the_search_and_the_modify(own: Directory, item: Item) -> None:
    target = own.target()
    place = target.locate(mail("p0"))
    assert isinstance(own.server, slapd.Slapd)
    own.server.stop()
    with pytest.raises(Doubtful):
        target.put(place, item)
    with pytest.raises(Unavailable):
        target.look(place, item)


def test_a_survey_that_the_server_cuts_short_is_an_error(own: Directory) -> None:
    target = own.target()
    for number in range(PERSONS):
        target.put(target.locate(mail(f"p{number}")), Item(person_certificate(next(_serials))))
    target.close()
    limited = own.target(bind_dn=f"cn=limited,{slapd.SUFFIX}", page_size=2)
    with pytest.raises(Unavailable, match="sizeLimitExceeded"):
        list(limited.survey())
    limited.close()


def test_start_tls(own: Directory) -> None:
    assert isinstance(own.server, slapd.Slapd)
    target = own.target(url=f"ldap://{slapd.HOST}:{own.server.port}", start_tls=True)
    assert target.check()
    target.close()
