"""What happens where a token says of its person what is not so any more: by the rule of its type, once."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity_manager.console.access import renewals
from identity_manager.jobs import schedule
from identity_manager.models import (
    AuditEvent,
    HolderChange,
    HolderChangeRule,
    OutgoingMail,
    Person,
    RenewalPolicy,
    Role,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from identity_manager.people import persons
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import snapshot, step1_enable
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.renewal import holder_changes
from identity_manager.workflow.requests import lapse, suspension
from identity_manager.workflow.snapshot import Difference
from tests.identity_manager.workflow.renewal.conftest import given, successor_of
from tests.journeys.office import worker
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def run() -> int:
    job = schedule.named("tokens.notice_holder_changes")
    assert job is not None
    return int(job.run())


def rule(wanted: HolderChangeRule) -> None:
    TokenType.objects.update(on_holder_change=wanted)


def rename(person: Person, surname: str) -> None:
    row = Person.objects.get(pk=person.pk)
    row.surname = surname
    row.display_name = f"Uma {surname}"
    row.save()


def events(name: str) -> int:
    return AuditEvent.objects.filter(name=name).count()


def answer(
    company: Company, *, actor: Person | None = None, changes_hash: str = "", reason: str = "The mail stays."
) -> HolderChange:
    change = HolderChange.objects.get(ended_at=None)
    seen = changes_hash or snapshot.fingerprint(holder_changes.differences_of(change))
    return holder_changes.leave(
        actor=actor or company.ada, change_id=change.pk, changes_hash=seen, reason=reason
    )


def test_renew_opens_a_renewal_before_the_window_once(company: Company, token: SoftwareToken) -> None:
    rule(HolderChangeRule.RENEW)
    TokenType.objects.update(renewal_policy=RenewalPolicy.OFFICERS)
    rename(company.uma, "Berg")
    assert run() == 2, "noticed, and started"
    request = TokenRequest.objects.get(kind="renewal")
    assert (request.origin, request.state, request.requested_by_id) == (
        "holder-change",
        "awaiting_acceptance",
        token.person_id,
    )
    assert request.tokens.get().snapshot["person"]["surname"] == "Berg"
    assert run() == 0
    assert not HolderChange.objects.unanswered().exists(), "nothing for an officer"
    cast.overdue(request)
    lapse.lapse_overdue()
    assert run() == 0
    assert TokenRequest.objects.filter(kind="renewal").count() == 1, "no second one by itself"
    assert HolderChange.objects.unanswered().count() == 1, "an officer has it now"


def test_tell_gives_it_to_an_officer_and_the_window_does_not_matter(
    company: Company, token: SoftwareToken
) -> None:
    with pytest.raises(NotPossible):
        step1_enable.enable(actor=company.ada, person_id=token.person_id, type_ids=[token.token_type_id])
    rename(company.uma, "Berg")
    assert run() == 1
    assert run() == 0
    change = HolderChange.objects.unanswered().get()
    (differs,) = holder_changes.differences_of(change)
    assert (differs.field, differs.asked_for, differs.now) == (
        "display_name",
        token.snapshot["person"]["display_name"],
        "Uma Berg",
    )
    assert events("token.holder-changed") == 1
    step1_enable.enable(actor=company.ada, person_id=token.person_id, type_ids=[token.token_type_id])
    assert not HolderChange.objects.unanswered().exists()


def test_nothing_does_nothing(company: Company, token: SoftwareToken) -> None:
    rule(HolderChangeRule.NOTHING)
    rename(company.uma, "Berg")
    assert run() == 0
    assert not HolderChange.objects.exists()
    (held,) = eligibility.held_by([token.person_id])[token.person_id]
    assert not held.holder_changed


def test_what_no_certificate_says_is_no_change(company: Company, token: SoftwareToken) -> None:
    row = Person.objects.get(pk=token.person_id)
    row.department, row.sid = "Harbour", "S-1-5-21-1-2-3-4444"
    row.save()
    assert run() == 0


def test_a_change_back_ends_it_and_the_same_change_again_is_a_new_one(
    company: Company, token: SoftwareToken
) -> None:
    before = Person.objects.get(pk=token.person_id)
    rename(company.uma, "Berg")
    run()
    back = Person.objects.get(pk=token.person_id)
    back.surname, back.display_name = before.surname, before.display_name
    back.save()
    assert run() == 1
    assert not HolderChange.objects.filter(ended_at=None).exists()
    assert events("token.holder-change-undone") == 1
    rename(company.uma, "Berg")
    assert run() == 1
    assert HolderChange.objects.unanswered().count() == 1


def test_left_as_it_is_until_the_next_change(company: Company, token: SoftwareToken) -> None:
    rename(company.uma, "Berg")
    run()
    seen = snapshot.fingerprint(holder_changes.differences_of(HolderChange.objects.get()))
    with pytest.raises(NotPossible) as refused:
        answer(company, reason=" ")
    assert refused.value.field == "reason"
    for actor in (company.sam, company.paul, company.uma):
        with pytest.raises(NotAllowed):
            answer(company, actor=actor)
    rename(company.uma, "Tal")
    with pytest.raises(Stale):
        answer(company, changes_hash=seen)
    assert run() == 1
    answer(company)
    assert run() == 0
    assert events("token.holder-change-left") == 1
    (held,) = eligibility.held_by([token.person_id])[token.person_id]
    assert not held.holder_changed, "the window counts again"
    rename(company.uma, "See")
    assert run() == 1
    assert HolderChange.objects.unanswered().count() == 1


def test_an_administrator_does_not_answer_for_their_own_token(company: Company) -> None:
    given(company, company.ada, actor=cast.person("otto", roles=(Role.TOKEN_ADMINISTRATOR,)))
    rename(company.ada, "Berg")
    run()
    assert not renewals.answered_by(company.ada).exists()
    with pytest.raises(NotAllowed):
        answer(company)


def test_leave_stops_the_clock(company: Company, token: SoftwareToken) -> None:
    rule(HolderChangeRule.RENEW)
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="parental leave")
    rename(company.uma, "Berg")
    assert run() == 1
    assert not HolderChange.objects.unanswered().exists()
    assert not TokenRequest.objects.filter(kind="renewal").exists()
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    assert run() == 1
    assert TokenRequest.objects.filter(kind="renewal").count() == 1


def test_several_tokens_of_one_person_are_one_request(company: Company, token: SoftwareToken) -> None:
    rule(HolderChangeRule.RENEW)
    other = cast.token_type("wlan", on_holder_change=HolderChangeRule.RENEW)
    given(company, company.uma, token_type=other)
    rename(company.uma, "Berg")
    run()
    request = TokenRequest.objects.get(kind="renewal")
    assert {line.type_code for line in request.tokens.all()} == {"vpn", "wlan"}
    assert OutgoingMail.objects.filter(request=request, message="information").count() == 1


def test_a_change_while_a_renewal_is_open_stops_the_renewal(company: Company, token: SoftwareToken) -> None:
    rename(company.uma, "Berg")
    run()
    step1_enable.enable(actor=company.ada, person_id=token.person_id, type_ids=[token.token_type_id])
    rename(company.uma, "Tal")
    suspension.check_all()
    run()
    assert TokenRequest.objects.stopped().count() == 1
    assert not HolderChange.objects.unanswered().exists(), "one task, not two"
    rename(company.uma, "Berg")
    suspension.check_all()
    renewal = token.renewals.get()
    cast.accepted(renewal.request)
    new = successor_of(token)
    assert new.state == "active"
    run()
    assert not HolderChange.objects.unanswered().exists(), "the new one says who she is"


def test_what_an_officer_edits_is_noticed_at_once(
    company: Company, token: SoftwareToken, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    person = Person.objects.get(pk=token.person_id)
    names = {"given_name": person.given_name, "surname": "Berg", "display_name": "Uma Berg"}
    with worker(at_once=True), django_capture_on_commit_callbacks(execute=True):
        persons.edit(actor=company.rita, person_id=person.pk, version=person.version, values=names)
    assert HolderChange.objects.unanswered().count() == 1


def test_an_import_costs_a_fixed_number_of_statements(company: Company, token: SoftwareToken) -> None:
    """Per person there is none, and nobody is locked where nothing has changed."""
    counts = []
    for number in (1, 6):
        people = [_with_a_token(company, f"p{number}{each}") for each in range(number)]
        for person in people:
            rename(person, "Berg")
        with CaptureQueriesContext(connection) as asked:
            assert holder_changes.notice([person.pk for person in people]) == number
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_renewals_of_an_import_cost_a_fixed_number_of_statements(
    company: Company, token: SoftwareToken
) -> None:
    rule(HolderChangeRule.RENEW)
    counts = []
    for number in (1, 6):
        for person in [_with_a_token(company, f"p{number}{each}") for each in range(number)]:
            rename(person, "Berg")
        assert holder_changes.notice(list(Person.objects.values_list("pk", flat=True))) == number
        keys = list(HolderChange.objects.to_be_renewed().values_list("pk", flat=True))
        with CaptureQueriesContext(connection) as asked:
            assert holder_changes.start(keys) == number
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_one_that_cannot_be_noticed_keeps_no_other_back(
    company: Company, token: SoftwareToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _with_a_token(company, "olga")
    for person in (company.uma, other):
        rename(person, "Berg")
    compare = holder_changes.differences

    def fail_for_olga(row: SoftwareToken, fields: Iterable[str]) -> list[Difference]:
        if row.person_id == other.pk:
            raise ValueError("olga")
        return compare(row, fields)

    monkeypatch.setattr(holder_changes, "differences", fail_for_olga)
    with pytest.raises(ValueError, match="olga"):
        run()
    assert HolderChange.objects.get().person_id == token.person_id


def _with_a_token(company: Company, name: str) -> Person:
    person = cast.person(name)
    given(company, person)
    return person
