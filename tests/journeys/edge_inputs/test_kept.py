"""What a form refuses stays in its fields, and the page says what is wrong; nothing that is sent falls over.

The addresses are those of tests/architecture/url_table.py. Every field of a page's own form that somebody
writes into, then every one that offers choices, gets the same unfit value; each post is taken back.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from identity_manager.demo.pages import Form, HtmlPage
from tests.architecture.standing import standing, taken_back
from tests.architecture.url_table import TABLE, Row
from tests.architecture.url_world import World

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("forms"), pytest.mark.long]
POSTED = tuple(row for row in TABLE if row.posts and row.opens)
WRITTEN = frozenset({"text", "email", "search", "number", "date", "datetime-local", "url", "textarea"})
CHOSEN = frozenset({"select", "checkbox", "radio", "hidden"})
# A secret is never drawn again, the user name is there for password managers alone, and the line that looks
# for somebody to show a profile with is no part of the profile.
NOT_KEPT = frozenset({"code", "username", "preview_person"})
# One of each kind before each change: nothing, too much, what no text may hold, no choice, no number, no day.
UNFIT = (" \t ", "x" * 70_000, "a\x00b", "no-such-choice", "9" * 30, "0000-13-99")
# More of these kinds.
UNFIT_TOO = (
    "a\x1bb",
    "a\u202eb",
    "a\ue000b",
    "a\ufdd0b",
    "00000000-0000-0000-0000-000000000000",
    "-1",
)
EACH_UNFIT = pytest.mark.parametrize(
    "values", [UNFIT, pytest.param(UNFIT_TOO, marks=pytest.mark.nightly)], ids=("each kind", "others")
)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    with standing(django_db_blocker, tmp_path_factory.mktemp("mailbox")) as world:
        yield world


def post(world: World, row: Row, sent: dict[str, list[str]]) -> HtmlPage:
    """The answer; what was done is taken back."""
    browser, address = world.browsers[min(row.posts)], world.address(row)
    cookies = browser.cookies.copy()
    with taken_back():
        answer = browser.post(address, sent)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    browser.cookies = cookies
    return HtmlPage(address, content.decode(errors="replace"), status=answer.status_code)


def own_forms(world: World, row: Row) -> list[Form]:
    """The forms of the page that are sent to the page itself."""
    address = world.address(row)
    answer = world.browsers[min(row.posts)].get(address)
    page = HtmlPage(address, answer.content.decode(errors="replace"))
    return [form for form in page.forms if form.method == "post" and form.action in ("", address)]


def names(form: Form, kinds: frozenset[str]) -> set[str]:
    """The fields of these kinds."""
    found = {each.name for each in form.controls if each.name and each.kind in kinds}
    return found - NOT_KEPT - {"csrfmiddlewaretoken"}


def sent_by(form: Form, *, unfit: str, fields: set[str]) -> dict[str, list[str]]:
    """What a browser would send, but for these fields, in which this is written."""
    sent: dict[str, list[str]] = {}
    for name, value in form.data():
        sent.setdefault(name, []).append(value)
    return sent | {name: [unfit] for name in fields}


def kept(page: HtmlPage, fields: set[str], unfit: str) -> set[str]:
    """Those of the fields that the page draws with what was written into them; white space is nothing."""
    drawn = [each for form in page.forms for each in form.controls]
    return {each.name for each in drawn if each.name in fields and each.value.strip() == unfit.strip()}


@EACH_UNFIT
@pytest.mark.parametrize("row", POSTED, ids=str)
def test_what_was_written_is_kept(world: World, row: Row, values: tuple[str, ...]) -> None:
    for form in own_forms(world, row):
        fields = names(form, WRITTEN)
        for unfit in values if fields else ():
            page = post(world, row, sent_by(form, unfit=unfit, fields=fields))
            assert page.status < 400 or page.status == 422, (page.status, unfit)
            if page.status == 422:
                assert "error-summary" in page.html, unfit
                assert kept(page, fields, unfit) == fields, unfit


@EACH_UNFIT
@pytest.mark.parametrize("row", POSTED, ids=str)
def test_no_such_choice_is_refused(world: World, row: Row, values: tuple[str, ...]) -> None:
    for form in own_forms(world, row):
        fields = names(form, CHOSEN)
        for unfit in values if fields else ():
            page = post(world, row, sent_by(form, unfit=unfit, fields=fields))
            assert page.status < 500, unfit
            assert "Traceback" not in page.html, unfit[:20]
