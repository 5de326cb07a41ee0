"""E-mail, UPN and SID change only on the word of two officers; until then nothing is delivered."""

from typing import Any
from unittest import mock

import pytest

from identity_manager.audit import Event
from identity_manager.models import AuditEvent, IdentityChange, OutgoingMail, Person, PersonSource, Role
from identity_manager.people import persons
from identity_manager.people.identity import identity_change_policy, identity_changes
from identity_manager.people.imports import uniqueness
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import resending
from tests.journeys.office import worker
from tests.tools import cast
from tests.tools.cast import Company, person

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
NEW = {"email": "new@example.com"}


def asked(asker: Person | None, target: Person, new: dict[str, str] = NEW) -> IdentityChange:
    row = locking.person(target.pk)
    return identity_changes.ask(row, new=new, source=PersonSource.MANUAL, actor=asker)


@pytest.fixture
def rita(db: None) -> Person:
    return person("rita")


@pytest.fixture
def rolf(db: None) -> Person:
    """A second Registration Officer."""
    return person("rolf", roles=(Role.REGISTRATION_OFFICER,))


@pytest.fixture
def uma(db: None) -> Person:
    return person("uma")


def everything() -> list[Any]:
    models = (IdentityChange, Person, AuditEvent, OutgoingMail)
    return [list(model.objects.order_by("pk").values()) for model in models]


def test_a_second_officer_confirms_and_the_old_address_is_told(
    rita: Person, rolf: Person, uma: Person
) -> None:
    change = asked(rita, uma)
    assert Person.objects.get(pk=uma.pk).email == "uma@example.com"
    identity_changes.confirm(actor=rolf, change_id=change.pk)

    assert Person.objects.get(pk=uma.pk).email == "new@example.com"
    change.refresh_from_db()
    assert (change.state, change.decided_by) == ("confirmed", rolf)
    told = [(mail.message, mail.to_address) for mail in OutgoingMail.objects.order_by("created_at")]
    assert told == [
        ("identity_change_asked", "uma@example.com"),
        ("identity_change_done", "uma@example.com"),
    ]
    assert [event.name for event in AuditEvent.objects.order_by("pk")] == [
        Event.IDENTITY_CHANGE_ASKED.value,
        Event.IDENTITY_CHANGE_CONFIRMED.value,
    ]


@pytest.mark.parametrize("who", ["asker", "the person", "an officer of another unit", "an administrator"])
def test_nobody_else_decides(rita: Person, uma: Person, who: str) -> None:
    change = asked(rita, uma)
    if who == "an officer of another unit":
        actor = person("rolf", roles=())
        actor.roles.create(role=Role.REGISTRATION_OFFICER, organisational_unit="Sued")
    elif who == "the person":
        actor = uma
        actor.roles.create(role=Role.REGISTRATION_OFFICER)
    else:
        actor = rita if who == "asker" else person("ada")
    before = everything()
    with pytest.raises(NotAllowed):
        identity_changes.confirm(actor=actor, change_id=change.pk)
    with pytest.raises(NotAllowed):
        identity_changes.refuse_change(actor=actor, change_id=change.pk, reason="no")
    assert everything() == before


def test_refused_needs_a_reason_and_changes_nothing(rita: Person, rolf: Person, uma: Person) -> None:
    change = asked(rita, uma)
    with pytest.raises(NotPossible):
        identity_changes.refuse_change(actor=rolf, change_id=change.pk, reason=" ")
    identity_changes.refuse_change(actor=rolf, change_id=change.pk, reason="not known to HR")
    assert Person.objects.get(pk=uma.pk).email == "uma@example.com"
    assert OutgoingMail.objects.latest("created_at").message == "identity_change_dropped"


def test_it_is_taken_back_by_an_officer_never_by_the_person(rita: Person, uma: Person) -> None:
    change = asked(rita, uma)
    uma.roles.create(role=Role.REGISTRATION_OFFICER)
    with pytest.raises(NotAllowed):
        identity_changes.withdraw(actor=Person.objects.get(pk=uma.pk), change_id=change.pk)
    identity_changes.withdraw(actor=rita, change_id=change.pk)
    assert IdentityChange.objects.get().state == "withdrawn"


@pytest.mark.parametrize("decision", ["confirm", "refuse_change", "withdraw"])
def test_what_is_decided_is_decided(rita: Person, rolf: Person, uma: Person, decision: str) -> None:
    change = asked(rita, uma)
    identity_changes.confirm(actor=rolf, change_id=change.pk)
    before = everything()
    more = {"reason": "no"} if decision == "refuse_change" else {}
    with pytest.raises(Stale):
        getattr(identity_changes, decision)(actor=rolf, change_id=change.pk, **more)
    assert everything() == before


def test_an_address_that_somebody_else_has_meanwhile_is_refused(
    rita: Person, rolf: Person, uma: Person
) -> None:
    change = asked(rita, uma)
    person("new")
    before = everything()
    with pytest.raises(NotPossible, match="belongs to person P-new"):
        identity_changes.confirm(actor=rolf, change_id=change.pk)
    assert everything() == before


def test_who_is_locked_has_given_the_address_free(rita: Person, rolf: Person, uma: Person) -> None:
    person("new", state="locked")
    identity_changes.confirm(actor=rolf, change_id=asked(rita, uma).pk)
    assert Person.objects.get(pk=uma.pk).email == "new@example.com"


def test_a_newer_change_replaces_the_older_and_the_same_is_the_same(rita: Person, uma: Person) -> None:
    first = asked(rita, uma)
    assert asked(rita, uma) == first
    second = asked(rita, uma, {"upn": "new@corp.example.com"})
    first.refresh_from_db()
    assert (first.state, second.state) == ("withdrawn", "waiting")


def test_nobody_confirms_their_own_value_because_another_officer_added_one(
    rita: Person, rolf: Person
) -> None:
    """What an officer adds to the first identity of a person does not make it all theirs."""
    olaf = person("olaf", roles=(Role.REGISTRATION_OFFICER,))
    values = {"personnel_number": "N-1", "given_name": "New", "surname": "Comer", "kind": "employee"}
    values |= {"language": "en", "time_zone": "Europe/Berlin", "email": "new@example.com"}
    new = persons.enter(actor=olaf, values=values, active=True)
    asked(rita, new, {"email": "rita.private@example.com"})
    change = asked(rolf, new, {"upn": "new@corp.example.com"})
    before = everything()
    with pytest.raises(NotAllowed):
        identity_changes.confirm(actor=rita, change_id=change.pk)
    assert everything() == before
    assert change not in IdentityChange.objects.decidable_by(rita)
    assert rita not in change.second_officers()


def test_what_waits_is_shown_to_who_may_decide(rita: Person, rolf: Person, uma: Person) -> None:
    change = asked(rita, uma)
    by_machine = asked(None, person("sam"))
    assert list(IdentityChange.objects.decidable_by(rolf)) == [change, by_machine]
    assert list(IdentityChange.objects.decidable_by(rita)) == [by_machine]
    assert list(change.second_officers()) == [rolf]


# --- the freeze


@pytest.fixture
def company(db: None) -> Company:
    return Company()


def delivery() -> OutgoingMail:
    return OutgoingMail.objects.get(message="delivery")


@pytest.mark.parametrize("decision", ["confirm", "refuse_change", "withdraw"])
def test_a_waiting_change_freezes_what_is_under_way_until_it_is_decided(
    company: Company, decision: str
) -> None:
    token = company.request_in("issued").tokens.get()
    change = asked(company.rita, company.uma)

    step7_deliver.send(mail_id=delivery().pk)
    assert delivery().state == "queued"
    for verb in (
        lambda: cast.shown(token),
        lambda: resending.send_again(actor=company.uma, token_id=token.pk, container_format="compatible"),
    ):
        with pytest.raises(Refused) as refused:
            verb()
        assert refused.value.reason == identity_change_policy.FROZEN

    rolf = person("rolf", roles=(Role.REGISTRATION_OFFICER,))
    more = {"reason": "no"} if decision == "refuse_change" else {}
    getattr(identity_changes, decision)(actor=rolf, change_id=change.pk, **more)
    step7_deliver.send(mail_id=delivery().pk)
    assert (delivery().state, delivery().to_address) == ("sent", "uma@example.com")
    assert cast.shown(token)


def test_the_freeze_is_of_that_person_alone(company: Company) -> None:
    company.request_in("issued")
    asked(company.rita, company.sam)
    step7_deliver.send(mail_id=delivery().pk)
    assert delivery().state == "sent"


def test_a_confirmed_change_stops_a_request_before_the_ca_is_asked(company: Company) -> None:
    request = company.request_in("issuing")
    change = asked(company.rita, company.uma)
    identity_changes.confirm(actor=person("rolf", roles=(Role.REGISTRATION_OFFICER,)), change_id=change.pk)
    stopped = cast.issued(request)
    assert stopped.state != "issued"
    assert stopped.stopped_at is not None


def test_a_confirmed_change_stops_in_the_same_moment_what_waits_for_the_person(
    company: Company, django_capture_on_commit_callbacks: Any
) -> None:
    request = company.request_in("awaiting_acceptance")
    of_somebody_else = cast.enabled(company.ada, company.sam, company.vpn)
    change = asked(company.rita, company.uma)
    rolf = person("rolf", roles=(Role.REGISTRATION_OFFICER,))

    with worker(at_once=True), django_capture_on_commit_callbacks(execute=True):
        identity_changes.confirm(actor=rolf, change_id=change.pk)

    request.refresh_from_db()
    of_somebody_else.refresh_from_db()
    assert request.stopped_at is not None
    assert of_somebody_else.stopped_at is None


def test_a_name_that_an_officer_changes_stops_it_too(
    company: Company, django_capture_on_commit_callbacks: Any
) -> None:
    request = company.request_in("requested")
    uma = Person.objects.get(pk=company.uma.pk)

    with worker(at_once=True), django_capture_on_commit_callbacks(execute=True):
        persons.edit(
            actor=company.rita,
            person_id=uma.pk,
            version=uma.version,
            values={"given_name": uma.given_name, "surname": "Berg", "display_name": "Uma Berg"},
        )

    request.refresh_from_db()
    assert request.stopped_at is not None


def test_a_value_that_somebody_gets_at_the_same_moment_is_theirs(
    rita: Person, rolf: Person, uma: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two officers confirm for two persons at once: the second one's look sees nothing of the first yet."""
    change = asked(rita, uma)
    look = mock.Mock(side_effect=[{}, mock.DEFAULT], wraps=uniqueness.owners)
    monkeypatch.setattr(uniqueness, "owners", look)
    person("nina", email=NEW["email"], sid="")

    with pytest.raises(NotPossible) as refusal:
        identity_changes.confirm(actor=rolf, change_id=change.pk)

    assert refusal.value.reason.code == "taken-meanwhile"
    change.refresh_from_db()
    assert change.state == "waiting"
