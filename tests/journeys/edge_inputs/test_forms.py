"""Every form of the product gets nonsense: it answers with a sentence, and never falls over.

The addresses are those of tests/architecture/url_table.py; the names of the fields are read from the page's
own forms, so that a field that is added is tried, too. Each post is taken back.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity_manager.demo.pages import HtmlPage
from tests.architecture.standing import standing, taken_back
from tests.architecture.url_table import TABLE, Row
from tests.architecture.url_world import World

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("forms"), pytest.mark.long]
POSTED = tuple(row for row in TABLE if row.posts)
OPENED = tuple(row for row in TABLE if row.opens)
# Every form has some of these, and none expects them all.
NAMES = ["search", "all", "q", "kind", "persons", "mails", "texts", "noted", "reason", "next", "file"]
ASKED = ["q", "kind", "state", "sort", "page", "of", "role", "type", "next", "since", "to", "department"]
BOUNDED = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NASTY = st.sampled_from(
    [
        "", " ", "\x00", "\r\nBcc: x@example.com", "\u202e\u2066x", "\ud7ff\ufffe", "\ue000", "x" * 100_000,
        "=HYPERLINK(1)", "<script>alert(1)</script>", "{{ person.password }}", "{% url 'x' %}", "%s%n", "%00",
        "-1", "0", "1e999", "NaN", "99999999999999999999", "9999-12-31", "0000-00-00T00:00", "2026-02-31",
        "00000000-0000-0000-0000-000000000000", "not-a-uuid", "null", "[]", "{}", "true", "on",
        "../../etc/passwd", "//evil.example", "javascript:alert(1)", "'; DROP TABLE x; --",
        "👩🏽‍🚀" * 50, "ß" * 255,
    ]
)  # fmt: skip
VALUE = NASTY | st.text(max_size=40)


def is_handled(text: str, status: int) -> bool:
    """A page of ours that says something, or a redirect to one; 502: no such provider is here.

    Nothing at all is what a provider gets that ends sessions (OpenID Connect Back-Channel Logout 1.0, 2.8).
    """
    says = status < 400 or len(text) > 100 or (status == 400 and not text)
    return (status < 500 or status == 502) and "Traceback" not in text and says


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    with standing(django_db_blocker, tmp_path_factory.mktemp("mailbox")) as world:
        yield world


@cache
def names_in(world: World, row: Row) -> list[str]:
    """The fields of the page's own forms, which each post leaves as they are; none where there is no page."""
    if not row.opens:
        return []
    address = world.address(row)
    answer = world.browsers[min(row.posts)].get(address)
    page = HtmlPage(address, answer.content.decode(errors="replace"))
    return [control.name for form in page.forms for control in form.controls if control.name]


def tried(world: World, row: Row, data: st.DataObject) -> None:
    visitor = min(row.posts)
    browser, address = world.browsers[visitor], world.address(row)
    names = sorted({*names_in(world, row), *NAMES} - {"csrfmiddlewaretoken"})
    values = st.lists(VALUE, min_size=1, max_size=3)
    sent = data.draw(st.dictionaries(st.sampled_from(names), values, max_size=len(names)))
    cookies = browser.cookies.copy()
    with taken_back():
        answer = browser.post(address, sent)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    browser.cookies = cookies
    assert is_handled(content.decode(errors="replace"), answer.status_code), (answer.status_code, sent)


@pytest.mark.parametrize("row", POSTED, ids=str)
@settings(BOUNDED, max_examples=2)
@given(data=st.data())
def test_nonsense_is_answered(world: World, row: Row, data: st.DataObject) -> None:
    tried(world, row, data)


@pytest.mark.nightly
@pytest.mark.parametrize("row", POSTED, ids=str)
@settings(BOUNDED, max_examples=50)
@given(data=st.data())
def test_much_nonsense_is_answered(world: World, row: Row, data: st.DataObject) -> None:
    tried(world, row, data)


@pytest.mark.parametrize("row", OPENED, ids=str)
def test_numbers_that_sqlite_does_not_hold_are_answered(world: World, row: Row) -> None:
    """It counts to 2**63. PostgreSQL gets all parameters of a page: architecture/test_query_parameters.py."""
    asked = {name: ["9" * 40, "-9223372036854775809"] for name in ASKED}
    answer = world.browsers[min(row.opens)].get(world.address(row), asked)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert is_handled(content.decode(errors="replace"), answer.status_code), answer.status_code


@pytest.mark.nightly
@pytest.mark.parametrize("row", OPENED, ids=str)
@settings(BOUNDED, max_examples=10)
@given(data=st.data())
def test_nonsense_after_the_question_mark_is_answered(world: World, row: Row, data: st.DataObject) -> None:
    asked = data.draw(st.dictionaries(st.sampled_from(ASKED), VALUE, min_size=1, max_size=6))
    browser = world.browsers[min(row.opens)]
    answer = browser.get(world.address(row), asked)
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert is_handled(content.decode(errors="replace"), answer.status_code), (answer.status_code, asked)
