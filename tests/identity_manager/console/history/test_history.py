"""The history has plain words for every event of the audit log."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from identity_manager import audit, catalogue
from identity_manager.audit import Event
from identity_manager.console.audit import log as audit_log
from identity_manager.console.audit.event_columns import COLUMNS
from identity_manager.console.history import event_facts, event_wording
from identity_manager.jobs import schedule
from identity_manager.models import AuditEvent, Role, TokenType
from tests.tools import cast


def test_each_event_has_words_of_its_own() -> None:
    words = {event: str(event_wording.WORDS[event].sentence).strip() for event in Event}

    assert [event for event, sentence in words.items() if sentence in ("", event.value)] == []


def test_no_two_events_are_told_alike() -> None:
    sentences = [str(words.sentence) for words in event_wording.WORDS.values()]

    assert len(sentences) == len(set(sentences)) == len(Event)


@pytest.mark.django_db
def test_each_event_is_told_even_without_its_facts() -> None:
    uma = cast.person("uma")
    for event in Event:
        told = event_wording.timeline_event(audit.record(event, actor=None, subject=uma))

        assert told.title == event_wording.WORDS[event].sentence
        assert str(told.actor) == "The system", event


@pytest.mark.django_db
def test_facts_are_told_in_the_words_of_the_forms() -> None:
    uma, ada = cast.person("uma"), cast.person("ada")

    told = event_wording.timeline_event(
        audit.record(Event.ROLE_ASSIGNED, actor=ada, subject=uma, role=Role.APPROVER.value)
    )

    assert (told.actor, told.detail) == ("Ada Berg", "Approver")


@pytest.mark.django_db
def test_token_types_are_told_by_name() -> None:
    event = audit.record(Event.REQUEST_CREATED, actor=None, subject=cast.person("uma"), types=["vpn", "gone"])

    assert event_wording.timeline_event(event, type_names={"vpn": "Network"}).detail == "Network, gone"


@pytest.mark.django_db
def test_a_name_that_is_in_a_draft_alone_is_told_nowhere_yet() -> None:
    retired = cast.token_type("vpn", name="Network")
    retired.retire()
    retired.save()
    TokenType.objects.create(code="vpn", number=2, name="Wires", terms=retired.terms)

    assert event_wording.type_names() == {"vpn": "Network"}


@pytest.mark.parametrize(
    ("event", "facts", "words"),
    [
        (
            Event.CATALOGUE_CHANGED,
            {"what": "type-activated", "code": "vpn", "number": 3},
            "Token-Typ vpn · Version 3 · Wurde in Kraft gesetzt",
        ),
        (
            Event.CATALOGUE_CHANGED,
            {"what": "terms-draft-saved", "code": "terms"},
            "Nutzungsbedingungen terms · Der Entwurf wurde gespeichert",
        ),
        (Event.LIST_EXPORTED, {"what": "audit-event", "rows": 1234}, "Prüfprotokoll: 1.234"),
        (Event.JOB_STARTED, {"job": "sweep-gone"}, "sweep-gone"),
        (Event.KEYS_ROTATED, {"purpose": "private-keys"}, "Private Schlüssel"),
        (Event.REQUEST_CREATED, {"types": ["vpn", "gone"]}, "Netz, gone"),
    ],
)
@pytest.mark.django_db
def test_a_file_has_details_in_the_words_of_the_screen(
    event: Event, facts: dict[str, object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_wording, "type_names", lambda: {"vpn": "Netz"})
    row = audit.record(event, actor=None, subject=cast.person("uma"), **facts)

    with translation.override("de"):
        (prepared,) = audit_log.prepared(audit_log.with_more(AuditEvent.objects.filter(pk=row.pk)))
        *_cells, detail, _head = COLUMNS.exported(prepared)
        assert detail == words


def test_each_job_is_told_as_its_page_calls_it() -> None:
    for job in schedule.JOBS:
        assert event_wording.WORDS[Event.JOB_STARTED].detail({"job": job.name}) == str(job.label)


def test_every_word_of_the_catalogue_is_known() -> None:
    """What verbs record as `what`: a kind, a hyphen, what was done."""
    for path in Path(catalogue.__file__).parent.glob("*.py"):
        for done in re.findall(r'what="([a-z-]+)"', path.read_text()):
            assert done in event_facts.DONE_WITH_IT
