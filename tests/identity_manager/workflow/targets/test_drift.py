"""Drift: what a survey finds that the journal does not say is told, and mended by nobody but an officer."""

from collections.abc import Iterator
from typing import Any

import pytest

from identity_manager.jobs import schedule
from identity_manager.models import (
    AuditEvent,
    DriftFinding,
    DriftKind,
    DriftRun,
    OutgoingMail,
    PlacementState,
    Target,
)
from identity_manager.targets.contract import Held, Unavailable
from identity_manager.workflow.targets import actions, drift, drift_news
from tests.tools import targets
from tests.tools.cast import Company
from tests.tools.targets import FakeTarget, placement, serve, switched_on, token_of

pytestmark = pytest.mark.long

P = PlacementState


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, settings: Any, company: Company) -> FakeTarget:
    found = targets.install(monkeypatch, settings)
    switched_on()
    return found


def survey() -> DriftRun:
    return drift.survey(Target.objects.get())


def test_without_drift_nothing_is_told(target: FakeTarget, company: Company) -> None:
    token_of(company)
    serve()
    run = survey()
    assert (run.read, run.counts, run.error) == (2, {}, "")
    assert run.ended_at is not None


def test_a_target_that_is_configured_no_longer_is_not_asked(
    target: FakeTarget, company: Company, settings: Any
) -> None:
    token_of(company)
    serve()
    settings.TARGETS = {}
    run = survey()
    assert (run.read, run.counts, run.error) == (0, {}, "")


def test_what_vanished_is_told_and_published_again_by_an_officer_alone(
    target: FakeTarget, company: Company
) -> None:
    token = token_of(company)
    serve()
    target.holder("uma").clear()
    run = survey()
    assert run.counts == {DriftKind.VANISHED: 1}
    assert DriftFinding.objects.get().placement == placement(token)
    event = AuditEvent.objects.get(name="placement.vanished")
    assert (event.token, event.facts["serial"]) == (token, placement(token).certificate.serial)
    serve()
    assert (target.holder("uma"), placement(token).state) == ([], P.VANISHED)
    assert survey().counts == {}  # told once
    sven = targets.administrator("sven")
    assert actions.repeat_all(actor=sven, target="corp", state=P.VANISHED) == 1
    serve()
    assert target.holder("uma") == [placement(token).certificate.der]


def test_what_is_there_again_is_ours_as_before(target: FakeTarget, company: Company) -> None:
    token = token_of(company)
    serve()
    values = list(target.holder("uma"))
    target.holder("uma").clear()
    survey()
    target.holder("uma").extend(values)
    survey()
    assert placement(token).state == P.THERE


def test_foreign_values_and_a_second_account_are_told_and_stay(target: FakeTarget, company: Company) -> None:
    token = token_of(company)
    serve()
    ours = placement(token).certificate.der
    target.holder("sam").extend([ours, b"of sam"])
    assert survey().counts == {DriftKind.ELSEWHERE: 1, DriftKind.FOREIGN: 1}
    elsewhere = DriftFinding.objects.get(kind=DriftKind.ELSEWHERE)
    assert (elsewhere.name, elsewhere.placement) == ("entry-of-sam", placement(token))
    serve()
    assert target.holder("sam") == [ours, b"of sam"]


def test_an_older_value_that_outlook_prefers_is_told(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_of(company)
    serve()
    plain = target.survey

    def with_older() -> Iterator[Held]:
        for held in plain():
            yield Held(held.place, held.name, held.fingerprints, has_older=True)

    monkeypatch.setattr(target, "survey", with_older)
    assert survey().counts == {DriftKind.OLDER: 1}  # of uma; sam has nothing of ours


def test_a_survey_that_was_cut_short_is_an_error_and_says_nothing_of_what_vanished(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(company)
    serve()

    def cut_short() -> Iterator[Held]:
        yield Held("entry-of-sam", "sam", ())
        raise Unavailable("The directory stopped before the end of its answer: sizeLimitExceeded.")

    monkeypatch.setattr(target, "survey", cut_short)
    run = survey()
    assert "sizeLimitExceeded" in run.error
    assert placement(token).state == P.THERE


def test_the_nightly_job_surveys_each_target(target: FakeTarget, company: Company) -> None:
    job = schedule.named("targets.compare")
    assert job is not None
    assert job.run() == 0
    token_of(company)
    serve()
    target.holder("uma").clear()
    assert job.run() == 1


# --- news: each finding is told once


def told() -> list[str]:
    """The mails about it, oldest first, as one person got them."""
    rows = OutgoingMail.objects.filter(message="target_drift", person=targets.administrator("sven"))
    return [mail.body_text for mail in rows.order_by("created_at", "pk")]


def test_each_finding_is_mailed_once_to_every_system_administrator(
    target: FakeTarget, company: Company
) -> None:
    token_of(company)
    serve()
    assert survey().counts == {}
    assert told() == []
    target.holder("sam").append(b"of sam")
    first = survey()
    assert survey().counts == {DriftKind.FOREIGN: 1}
    assert len(told()) == 1
    assert "1 × Put there by others" in told()[0]
    persons = OutgoingMail.objects.filter(message="target_drift").values_list("person__given_name", flat=True)
    assert set(persons) == {"Sven", "Nora"}
    assert DriftFinding.objects.get().since == first.started_at
    target.holder("uma").clear()
    survey()
    survey()
    assert len(told()) == 2
    assert "1 × Ours, and not there any more" in told()[1]
    assert "Put there by others" not in told()[1]


def test_what_comes_back_after_it_was_gone_is_new(target: FakeTarget, company: Company) -> None:
    token_of(company)
    serve()
    for values in ([b"x"], [], [b"x"]):
        target.entries["entry-of-sam"] = values
        survey()
    assert len(told()) == 2


def test_a_comparison_that_is_cut_short_is_told_once_and_forgets_nothing(
    target: FakeTarget, company: Company
) -> None:
    token_of(company)
    serve()
    target.holder("sam").append(b"of sam")
    survey()
    target.before["survey"] = Unavailable("The server ended the search.")
    for _night in range(2):
        survey()
    assert len(told()) == 2
    assert "The server ended the search." in told()[1]
    del target.before["survey"]
    survey()
    assert len(told()) == 2


def test_where_more_are_found_than_have_rows_the_numbers_are_compared(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_news, "SHOWN", 2)
    token_of(company)
    serve()
    strangers = [b"%d" % number for number in range(7)]
    for number in (3, 3, 5, 4, 7):
        target.entries["entry-of-sam"] = strangers[:number]
        survey()
    said = [line for text in told() for line in text.splitlines() if "Put there" in line]
    assert said == ["- 3 × Put there by others", "- 2 × Put there by others", "- 3 × Put there by others"]


def test_no_more_findings_of_a_kind_have_rows_than_are_shown(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_news, "SHOWN", 1)
    monkeypatch.setattr(drift, "PAGE", 1)
    for name in ("uma", "sam"):
        token_of(company, name)
    serve()
    target.entries |= {"entry-of-uma": [b"1"], "entry-of-sam": [b"2"]}
    run = survey()
    assert run.counts == {DriftKind.VANISHED: 2, DriftKind.FOREIGN: 2}
    kinds = run.findings.order_by("kind").values_list("kind", flat=True)
    assert list(kinds) == sorted([DriftKind.VANISHED, DriftKind.FOREIGN])


def test_a_name_that_is_cut_is_known_again(target: FakeTarget, company: Company) -> None:
    long = "entry-" + "x" * 600
    token_of(company)
    serve()
    target.entries[long] = [b"of nobody"]
    survey()
    survey()
    assert len(told()) == 1
