"""The generated pages say what the code says; what they are made from has words for all of it."""

import pytest

from identity_manager.audit import Event
from tests.documents import events, reference, settings_table
from tests.documents.markdown import DOCS

pytestmark = [pytest.mark.xdist_group("reference"), pytest.mark.long]  # the source is read once
PAGES = reference.pages()


@pytest.mark.parametrize("name", PAGES)
def test_the_committed_page_is_the_generated_one(name: str) -> None:
    """Where it is not: `make docs-reference`, and look at what has changed."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name]()


def test_every_event_is_recorded_somewhere() -> None:
    told = events.collected()
    assert [event for event in Event if not told[event].places] == []


def test_events_that_a_helper_records_have_their_facts() -> None:
    """Handed to a function of the module, with further facts: mails.discard, for example."""
    told = events.collected()[Event.MAIL_DISCARDED]
    assert told.facts == {"message", "reason"}
    assert told.actors == {events.A_PERSON, events.THE_SYSTEM}
    assert "workflow.delivery.outbox_actions.discard" in told.places


def test_settings_that_mean_nothing_any_more_have_no_words() -> None:
    read = settings_table.by_name("embedded").keys() | settings_table.by_name("production").keys()
    assert set(settings_table.meanings()) == read
    assert len(read) > 50


def test_the_defaults_are_those_of_each_deployment() -> None:
    embedded, production = (settings_table.by_name(each) for each in ("embedded", "production"))
    assert embedded["OFFICERS_NEED_SECOND_FACTOR"].default is False
    assert production["OFFICERS_NEED_SECOND_FACTOR"].default is True
    assert production["DATABASE_URL"].default is None
    assert "SECURE_SSL_REDIRECT" not in embedded
