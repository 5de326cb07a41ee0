"""Processor time of a page of SEARCH beside Django admin's change list of the same 25 rows and columns.

In one process, in turns; of this process alone, so of PostgreSQL what the driver does. bench.py starts it
with tests.performance.admin_settings.
"""

import re
from functools import partial
from typing import Any

from tests.performance import search
from tests.performance.timing import in_turns, percentile

WARM_UP = 8
ROWS = 25
PAGES = {
    "search": ("/search/", {"kind": "employee", "state": "active"}, 'name="persons"'),
    "admin": (
        "/admin/identity_manager/person/",
        {"kind__exact": "employee", "state__exact": "active"},
        'name="_selected_action"',
    ),
}
_BOX, _KEY = re.compile(r"<input[^>]*>"), re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def measured(persons: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of each visit, by page. Raises RuntimeError where the two do not list the same rows."""
    search.prepared(persons)
    browser = search.officer()
    listed = {name: _rows(browser, name) for name in PAGES}
    if listed["search"] != listed["admin"] or len(listed["search"]) != ROWS:
        raise RuntimeError(f"The pages list other rows: {listed}")
    visits = {name: partial(_visit, browser, name) for name in PAGES}
    taken = in_turns(visits, warm_up=WARM_UP, rounds=rounds)
    ratio = percentile(taken["search"], 50) / percentile(taken["admin"], 50)
    return {"figures": {"page_vs_admin": ratio}, **taken}


def _rows(browser: Any, name: str) -> list[str]:
    """The keys of the rows in their order, from the checkbox that each row has."""
    boxes = _BOX.findall(_visit(browser, name).content.decode())
    of_rows = (box for box in boxes if PAGES[name][2] in box and 'type="checkbox"' in box)
    return [key for box in of_rows for key in _KEY.findall(box)]


def _visit(browser: Any, name: str) -> Any:
    address, asked, _mark = PAGES[name]
    response = browser.get(address, asked)
    if response.status_code != 200:
        raise RuntimeError(f"{address}: {response.status_code}")
    return response
