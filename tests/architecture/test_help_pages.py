"""Each page of both portals leads to a page of the help that is there, or is excepted with a reason."""

import re

import pytest

from identity_manager.console.help import documents
from identity_manager.models import OFFICER_ROLES
from identity_manager.ui import help_pages
from selfservice.help import help_texts
from tests.architecture.url_table import TABLE, Row

pytestmark = pytest.mark.long
PAGES = [row for row in TABLE if row.opens]


def has_help(row: Row) -> bool:
    officers = help_pages.page_of(help_pages.OFFICERS, row.name)
    persons = help_pages.page_of(help_pages.PERSONS, row.name)
    if row.name.startswith("console:"):
        return bool(officers)
    if row.name.startswith("selfservice:"):
        return bool(persons)
    return bool(officers and persons)


def excepted() -> tuple[str, ...]:
    """The beginnings of the URL names that have no help, with a reason."""
    return tuple(each for names in help_pages.EXCEPTED.values() for each in names.split())


def test_each_page_has_its_help_or_is_excepted() -> None:
    without = [row.name for row in PAGES if not has_help(row) and not row.name.startswith(excepted())]
    assert without == [], "name its document in identity_manager/ui/help_pages.py"


def test_no_line_of_the_tables_is_old() -> None:
    names = [row.name for row in TABLE]
    lines = [*help_pages.OFFICERS, *help_pages.PERSONS, *help_pages.OF_EVERY_ROLE, *excepted()]
    assert [key for key in lines if not any(name.startswith(key) for name in names)] == []


def test_each_document_and_section_is_there() -> None:
    assert {*help_pages.OFFICERS.values(), *help_pages.ROLES.values()} - set(documents.names()) == set()
    assert set(help_pages.ROLES) == set(OFFICER_ROLES), "START and OPEN TASKS have a document for each role"
    sections = {section.anchor for section in help_texts.SECTIONS}
    assert set(help_pages.PERSONS.values()) - sections == set()
    assert {help_pages.FIRST} <= set(documents.names())
    assert help_pages.FIRST_SECTION in sections


@pytest.mark.parametrize("name", documents.names())
def test_a_document_holds_nothing_that_the_policy_forbids_and_each_link_leads_somewhere(name: str) -> None:
    document = documents.document(name)
    assert document is not None
    assert not re.search(r"\sstyle=|<script|<style|\son\w+=|javascript:", document.html)
    for address in re.findall(r'(?:href|src)="([^"]*)"', document.html):
        path, _hash, anchor = address.partition("#")
        if path.startswith("/help/images/"):
            assert documents.image(path.removeprefix("/help/images/"))
        elif path.startswith("/help/"):
            found = documents.document(path.removeprefix("/help/").rstrip("/"))
            assert found is not None, address
            assert not anchor or f'id="{anchor}"' in found.html, address
        else:
            assert address.startswith(("https://", "http://", "#")), address
