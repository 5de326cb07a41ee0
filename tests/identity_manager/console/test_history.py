"""The history has plain words for every event of the audit log."""

import pytest

from identity_manager import audit
from identity_manager.audit import Event
from identity_manager.console import history
from identity_manager.models import Role
from tests import cast


@pytest.mark.parametrize("event", list(Event))
def test_each_event_has_words_of_its_own(event: Event) -> None:
    words = history.WORDS[event]

    assert str(words.sentence).strip()
    assert str(words.sentence) != event.value


def test_no_two_events_are_told_alike() -> None:
    sentences = [str(words.sentence) for words in history.WORDS.values()]

    assert len(sentences) == len(set(sentences)) == len(Event)


@pytest.mark.parametrize("event", list(Event))
@pytest.mark.django_db
def test_each_event_is_told_even_without_its_facts(event: Event) -> None:
    told = history.told(audit.record(event, actor=None, subject=cast.person("uma")))

    assert told.title == history.WORDS[event].sentence
    assert str(told.actor) == "The system"


@pytest.mark.django_db
def test_facts_are_told_in_the_words_of_the_forms() -> None:
    uma, ada = cast.person("uma"), cast.person("ada")

    told = history.told(audit.record(Event.ROLE_ASSIGNED, actor=ada, subject=uma, role=Role.APPROVER.value))

    assert (told.actor, told.detail) == ("Ada Berg", "Approver")


@pytest.mark.django_db
def test_token_types_are_told_by_name() -> None:
    event = audit.record(Event.REQUEST_CREATED, actor=None, subject=cast.person("uma"), types=["vpn", "gone"])

    assert history.told(event, type_names={"vpn": "Network"}).detail == "Network, gone"
