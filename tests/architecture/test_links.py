"""Whatever a page leads to opens: each visitor follows every link and presses every button that they see."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin, urlsplit, urlunsplit

import pytest
from django.test import Client

from tests.architecture.standing import taken_back
from tests.architecture.url_table import OFFICERS, Visitor
from tests.architecture.url_world import World, browser_of_two

pytestmark = [pytest.mark.django_db, pytest.mark.long, pytest.mark.xdist_group("urls")]
LINK = re.compile(r'\s(?:href|hx-get)="([^"]*)"')
FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
BUTTON = re.compile(r'\sformaction="([^"]*)"')
ACTION, METHOD = re.compile(r'\saction="([^"]*)"'), re.compile(r'\smethod="post"')
CLOSED = {403, 404, 405, 500}
# They end the visit, or are of another portal's or of no page's making.
LEFT_OUT = re.compile(r"^/(account|static|mailbox|pki|ui|language)/")


def links_of(html: str, page: str) -> Iterator[str]:
    """What can be opened from the page, without what only pages and sorts the same list."""
    for found in LINK.findall(html):
        address = urlsplit(urljoin(page, unescape(found)))
        if not address.netloc and not LEFT_OUT.match(address.path):
            yield urlunsplit(("", "", address.path, "" if address.path == page else address.query, ""))


def buttons_of(html: str, page: str) -> Iterator[str]:
    """What is posted to from the page."""
    for attributes, inside in FORM.findall(html):
        if METHOD.search(attributes):
            action = ACTION.search(attributes)
            for found in [action.group(1) if action else "", *BUTTON.findall(inside)]:
                address = urlsplit(urljoin(page, unescape(found))).path
                if not LEFT_OUT.match(address):
                    yield address


def closed_ways(browser: Client, start: str) -> set[tuple[str, str, int]]:
    """From which page leads what, and how it is refused."""
    closed, seen, ahead = set(), {start}, [(start, start)]
    while ahead:
        page, address = ahead.pop()
        response = browser.get(address)
        if response.status_code in CLOSED:
            closed.add((page, address, response.status_code))
        if response.status_code != 200 or not response["Content-Type"].startswith("text/html"):
            continue
        here = urlsplit(address).path
        closed |= {(here, button, status) for button, status in refused(browser, response.text, here, seen)}
        for link in links_of(response.text, here):
            if link not in seen:
                seen.add(link)
                ahead.append((here, link))
    return closed


def refused(browser: Client, html: str, page: str, seen: set[str]) -> Iterator[tuple[str, int]]:
    for button in buttons_of(html, page):
        if f"POST {button}" not in seen:
            seen.add(f"POST {button}")
            with taken_back():
                status = browser.post(button).status_code
            if status in CLOSED:
                yield button, status


# Who reaches everything sees the most links, and hardly one that is closed.
@pytest.mark.parametrize("visitor", sorted(OFFICERS))
@pytest.mark.parametrize("reach", [pytest.param("browsers", marks=pytest.mark.nightly), "limited"])
def test_every_link_and_button_of_identity_manager_opens(world: World, visitor: Visitor, reach: str) -> None:
    assert closed_ways(getattr(world, reach)[visitor], "/") == set()


@pytest.mark.parametrize("visitor", [Visitor.OWNER, Visitor.USER])
def test_every_link_and_button_of_self_service_opens(world: World, visitor: Visitor) -> None:
    assert closed_ways(world.browsers[visitor], "/my/") == set()


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("everywhere", "elsewhere"),
    [
        (Visitor.ADMINISTRATOR, Visitor.APPROVER),
        (Visitor.APPROVER, Visitor.ADMINISTRATOR),
        (Visitor.REGISTRATION, Visitor.ADMINISTRATOR),
        (Visitor.SYSTEM, Visitor.REGISTRATION),
    ],
)
def test_also_where_two_offices_reach_differently(
    world: World, everywhere: Visitor, elsewhere: Visitor
) -> None:
    assert closed_ways(browser_of_two(everywhere, elsewhere), "/") == set()
