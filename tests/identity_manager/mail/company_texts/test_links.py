"""Links in the company's mail texts lead to the portals alone, however they are written."""

import time

import pytest
from pytest_django import Settings

from identity_manager.mail.company_texts import links


@pytest.fixture(autouse=True)
def _portals(settings: Settings) -> None:
    settings.CONSOLE_BASE_URL = "https://idm.example.com"
    settings.SELFSERVICE_BASE_URL = "https://me.example.com:8443/"


def found(text: str, *values: str) -> list[str]:
    return [link.text for link in links.foreign(text, except_in=values)]


@pytest.mark.parametrize(
    "text",
    [
        "See https://idm.example.com/requests/.",
        "https://me.example.com:8443/open-tasks",
        "idm.example.com",
        "Write to help@example.com: somebody answers.",
        "At 10:30, z.B. e.g. U.S. vpn.p12 and/or // Reason:x",
    ],
)
def test_our_own_and_what_is_no_link(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example",
        "HTTPS://EVIL.example",
        "http://idm.example.com",
        "https://me.example.com/",
        "https://idm.example.com.evil.example/",
        "https://idm.example.com@evil.example",
        "https://idm.example.com\\@evil.example",
        "//evil.example/x",
        "www.evil.example",
        "evil.example",
        "https:evil.example",
        "ht\u200btps://evil.example",
        "ｈｔｔｐｓ://evil.example",
        "evil。example",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://1.2.3.4/",
        "x@evil.example:8080/a",
        "idm.example.com/?u=https://evil.example/",
        "пример.рф",
    ],
)
def test_foreign(text: str) -> None:
    assert found(f"Look: {text}\nnow")


def test_the_place_is_where_it_stands() -> None:
    (link,) = links.foreign("a\u200b b evil.example")
    assert (link.text, link.index) == ("evil.example", 5)


def test_a_value_may_hold_what_others_typed_but_makes_no_new_link() -> None:
    assert found("Why: see wiki.example/x", "see wiki.example/x") == []
    assert found("Why: wiki.example.evil.example", "wiki.example")


@pytest.mark.parametrize("piece", ["a.", "a-", "x@", "a:", "a.b@", "//", ".", "a"])
def test_no_text_takes_long(piece: str) -> None:
    begun = time.process_time()
    found(piece * (10_000 // len(piece)))
    assert time.process_time() - begun < 1
