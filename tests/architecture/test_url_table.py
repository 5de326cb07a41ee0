"""Every address x every visitor, as url_table.py has it; looking changes nothing."""

from collections import Counter

import pytest
from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client

from identity_manager.config.addresses import addresses_of
from tests.architecture.standing import taken_back
from tests.architecture.url_table import PUBLIC, SIGNED_IN, TABLE, Row, Visitor, addresses
from tests.architecture.url_world import World
from tests.tools.contents import contents, differing

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("urls"), pytest.mark.long]
REFUSED = {403, 404, 405, 413}
OF_A_UNIT = {
    "person",
    "deputy",
    "role review",
    "sign-in code",
    "asked sign-in code",
    "request",
    "token",
    "mail",
    "erasure",
}
PORTALS = ("console", "selfservice")
ALONE = {portal: tuple(addresses_of([portal])) for portal in PORTALS}  # what each serves for itself


def test_every_address_has_its_line() -> None:
    """Both ways: an address without a line is in nobody's mind, a line without an address is old."""
    counted = Counter(row.name for row in TABLE)
    assert [name for name, lines in counted.items() if lines > 1] == []
    assert set(counted) == {name for name, _route, _pattern in addresses()}


def outcome(response: HttpResponseBase) -> str:
    """In a word: ok, sign in, or the status that refuses."""
    if response.status_code == 302 and response["Location"].startswith("/account/login/?next="):
        return "sign in"
    return str(response.status_code) if response.status_code in REFUSED else "ok"


def expected(row: Row, visitor: Visitor) -> str:
    """What a GET by the visitor gives."""
    if visitor in row.opens:
        return "ok"
    if visitor not in SIGNED_IN and row.posts != PUBLIC:
        return "sign in"
    if not row.opens:
        return "405"
    return "404" if visitor in row.unknown_to else "403"


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_who_may_open_it_and_looking_changes_nothing(world: World, row: Row) -> None:
    address = world.address(row)
    if not world.untouched:  # each test finds the world as it was built
        world.untouched = contents()
    found = {visitor: outcome(browser.get(address)) for visitor, browser in world.browsers.items()}
    assert found == {visitor: expected(row, visitor) for visitor in world.browsers}
    assert differing(world.untouched, contents()) == []


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_who_may_post_to_it(world: World, row: Row) -> None:
    """An empty form: those who may are told what is missing, or it is done, and then taken back."""
    address = world.address(row)
    found = {visitor: post(browser, address) for visitor, browser in world.browsers.items()}
    taken = {visitor for visitor, word in found.items() if word == "ok"}
    assert taken == row.posts
    assert {v for v, word in found.items() if word == "sign in"} <= set(world.browsers) - SIGNED_IN


def post(browser: Client, address: str) -> str:
    cookies = browser.cookies.copy()
    with taken_back():
        word = outcome(browser.post(address))
    browser.cookies = cookies
    return word


@pytest.mark.parametrize("portal", PORTALS)
def test_a_portal_has_no_address_of_the_other(portal: str) -> None:
    expected = {row.name for row in TABLE if portal_of(row) in {portal, ""}}
    served = {name for name, _route, _pattern in addresses(ALONE[portal])}
    assert served - {"start"} == expected - {"start"}  # the bare host name leads to the portal


@pytest.mark.nightly
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_a_portal_needs_nothing_of_the_other(world: World, row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """Served alone, each page is as before, and those of the other portal do not exist."""
    portal, address = portal_of(row), world.address(row)
    visitor = min(row.opens or row.posts or SIGNED_IN)
    browser = world.browsers[visitor]
    as_before = "ok" if row.opens | row.posts else expected(row, visitor)
    for served in PORTALS:
        # Not by the fixture of pytest-django, which has Django read all patterns anew each time.
        monkeypatch.setattr(settings, "PORTALS", [served])
        monkeypatch.setattr(settings, "ROOT_URLCONF", ALONE[served])
        found = post(browser, address) if row.posts and not row.opens else outcome(browser.get(address))
        # The bare host name is an address of both.
        assert found == (as_before if portal in {served, ""} or address == "/" else "404"), served


def portal_of(row: Row) -> str:
    """The portal that the address belongs to; empty for what both have."""
    namespace, colon, _name = row.name.partition(":")
    return (
        {"mailbox": "console", "scim": "console", "api": "console"}.get(
            namespace, namespace if namespace in PORTALS else ""
        )
        if colon
        else ""
    )


OBJECTS = tuple(row for row in TABLE if row.name.startswith("console:") and row.of in OF_A_UNIT)


@pytest.mark.parametrize("row", OBJECTS, ids=str)
def test_what_lies_in_another_unit_is_not_there(world: World, row: Row) -> None:
    address, officers = world.address(row), row.opens | row.posts
    found = {visitor: outcome(world.limited[visitor].get(address)) for visitor in sorted(officers)}
    found |= {f"{visitor} posts": post(world.limited[visitor], address) for visitor in sorted(row.posts)}
    assert {who: word for who, word in found.items() if word not in {"404", "405"}} == {}
    assert "404" in found.values()
