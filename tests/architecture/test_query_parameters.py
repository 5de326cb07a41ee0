"""Whatever stands in the query of an address, it answers: with the page, a sentence, or a refusal.

The addresses are those of url_table.py. The parameters are recorded while a page is drawn, so that a new one
is asked for here by itself.
"""

from collections.abc import Iterator

import pytest

from tests.architecture.query_parameters import JUDGED_DIFFERENTLY, OTHERS, WORST, Reader, readers, visit
from tests.architecture.url_world import World

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,  # what it alone refuses: edge_inputs/test_forms.py
    pytest.mark.xdist_group("queries-of-addresses"),
]
# Before each change all parameters of an address at once, on PostgreSQL; each alone nightly.
TOGETHER = (pytest.param(True, id="together"), pytest.param(False, id="alone", marks=pytest.mark.nightly))
ANSWERS = {200, 302, 303, 400, 403, 404, 405, 409, 422}


@pytest.fixture(scope="module")
def found(world: World) -> list[Reader]:
    return list(readers(world))


def failures(
    world: World, found: list[Reader], values: tuple[str, ...], *, together: bool = False, **headers: str
) -> Iterator[str]:
    for reader in found:
        browser = world.browsers[reader.visitor]
        for query in reader.requests_together(values) if together else reader.requests(values):
            try:
                status = visit(browser, reader.row, reader.address, query, **headers).status_code
            except Exception as error:  # noqa: BLE001 whatever it is, it is told
                yield f"{reader.row} by {reader.visitor} ?{query[:120]}: {error!r}"[:300]
                continue
            if status not in ANSWERS:
                yield f"{reader.row} by {reader.visitor} ?{query[:120]}: {status}"


def test_the_parameters_are_found(found: list[Reader]) -> None:
    """Else those below prove little: some that are known to be there."""
    read: dict[str, set[str]] = {}
    for reader in found:
        read.setdefault(reader.row.name, set()).update(*reader.seeds.values())
    assert {"q", "kind", "page", "sort", "expires_before", "revoked_until"} <= read["console:search"]
    assert {"since", "state"} <= read["console:outbox"]
    assert {"outcome", "page"} <= read["console:import"]
    assert {"order"} <= read["console:decisions-reject"]
    assert {"next", "ended"} <= read["account_login"]
    assert len(read) >= 30


@pytest.mark.nightly  # before each change all of an address at once, in the last test of this file
def test_no_address_fails_at_the_worst_values(world: World, found: list[Reader]) -> None:
    assert list(failures(world, found, WORST)) == []


@pytest.mark.parametrize("together", TOGETHER)
def test_no_address_fails_at_what_a_database_may_refuse(
    world: World, found: list[Reader], *, together: bool
) -> None:
    assert list(failures(world, found, JUDGED_DIFFERENTLY, together=together)) == []


@pytest.mark.nightly
@pytest.mark.parametrize("together", [True, False], ids=["together", "alone"])
@pytest.mark.parametrize("values", OTHERS, ids=("text", "numbers", "dates and keys", "paths and lengths"))
def test_no_address_fails_whatever_stands_there(
    world: World, found: list[Reader], sqlite_only: None, values: tuple[str, ...], *, together: bool
) -> None:
    assert list(failures(world, found, values, together=together)) == []


def test_no_part_of_a_page_fails(world: World, found: list[Reader]) -> None:
    """As htmx asks for them while somebody types."""
    assert list(failures(world, found, WORST, together=True, **{"HX-Request": "true"})) == []
