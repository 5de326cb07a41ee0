"""**It did not arrive**: who says it, who opens the download, and who must not."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from identity_manager.models import (
    AuditEvent,
    DeliveryProblem,
    OutgoingMail,
    Person,
    Role,
    SignInCode,
    SoftwareToken,
)
from identity_manager.people.officers import vouching_policy
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow.delivery import arrival, download, installation, outbox_actions, resending
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.contents import recorded

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def fresh(token: SoftwareToken) -> SoftwareToken:
    return SoftwareToken.objects.get(pk=token.pk)


def say(token: SoftwareToken, kind: str = "stripped") -> DeliveryProblem:
    return arrival.say(actor=token.person, token_id=token.pk, kind=kind)


def decidable(actor: Person) -> int:
    return DeliveryProblem.objects.decidable_by(actor, timezone.now()).count()


def facts() -> tuple[object, ...]:
    return (
        list(SoftwareToken.objects.values_list("version", "delivery")),
        list(DeliveryProblem.objects.values_list("outcome")),
        OutgoingMail.objects.count(),
        AuditEvent.objects.count(),
    )


def test_an_officer_opens_the_download(company: Company, token: SoftwareToken) -> None:
    problem = say(token)
    assert (problem.domain, decidable(company.ada)) == ("example.com", 1)
    assert download.fetch_obstacle(fresh(token)) == download.COMES_BY_MAIL
    arrival.open_download(actor=company.ada, problem_id=problem.pk)
    assert download.fetch_obstacle(fresh(token)) is None
    assert fresh(token).is_to_be_fetched
    assert OutgoingMail.objects.filter(message="download_opened", person=company.uma).count() == 1
    problem.refresh_from_db()
    assert (problem.outcome, problem.ended_by, decidable(company.ada)) == ("opened", company.ada, 0)
    assert recorded("token")[-2:] == [("file-not-arrived", "Uma"), ("download-opened", "Ada")]
    with pytest.raises(Stale):
        arrival.open_download(actor=company.ada, problem_id=problem.pk)


def test_nobody_says_it_for_somebody_else(company: Company, token: SoftwareToken) -> None:
    before = facts()
    for actor in (company.sam, company.ada):
        with pytest.raises(NotAllowed):
            arrival.say(actor=actor, token_id=token.pk, kind="stripped")
        with pytest.raises(NotAllowed):
            arrival.arrived(actor=actor, token_id=token.pk)
    assert facts() == before


@pytest.mark.parametrize("way", ["entered", "code", "own", "approver", "stranger"])
def test_who_could_sign_in_as_the_person_does_not_open_it(
    company: Company, token: SoftwareToken, way: str
) -> None:
    officer = cast.person("otto", roles=(Role.TOKEN_ADMINISTRATOR, Role.REGISTRATION_OFFICER))
    if way == "entered":
        Person.objects.filter(pk=company.uma.pk).update(entered_by=officer)
    elif way == "code":
        now = timezone.now()
        SignInCode.objects.create(
            person=company.uma, asked_by=officer, needs_confirmation=False, made_at=now, used_at=now
        )
    problem = say(token)
    actor = {"own": company.uma, "approver": company.paul, "stranger": company.sam}.get(way, officer)
    before = facts()
    assert decidable(actor) == 0 or way in ("approver", "stranger")
    with pytest.raises(NotAllowed):
        arrival.open_download(actor=actor, problem_id=problem.pk)
    with pytest.raises(NotAllowed):
        arrival.answer(actor=actor, problem_id=problem.pk, reason="No.")
    assert facts() == before
    assert decidable(company.ada) == 1


def test_who_vouched_does_not_open_it_by_way_of_the_outbox(company: Company, token: SoftwareToken) -> None:
    """Nor by saying that the mail came back, nor by discarding it."""
    Person.objects.filter(pk=company.uma.pk).update(entered_by=company.ada)
    mail = OutgoingMail.objects.get(token=token, message="delivery")
    with pytest.raises(NotAllowed) as refused:
        outbox_actions.report_bounce(actor=company.ada, mail_id=mail.pk, reason="It came back.")
    assert refused.value.reason == vouching_policy.ENTERED
    OutgoingMail.objects.filter(pk=mail.pk).update(state="bounced", fault="bounced")
    with pytest.raises(NotAllowed):
        outbox_actions.discard(actor=company.ada, mail_id=mail.pk, reason="No more.")
    assert fresh(token).delivery == "sent"


def test_a_hundred_claims_are_one_task_and_five_a_day(company: Company, token: SoftwareToken) -> None:
    say(token)
    for _time in range(100):
        with pytest.raises(Stale) as refused:
            say(token)
        assert refused.value.reason == arrival.SAID_ALREADY
    assert decidable(company.ada) == 1
    for _time in range(arrival.MOST_A_DAY - 1):
        arrival.arrived(actor=company.uma, token_id=token.pk)
        say(token)
    arrival.arrived(actor=company.uma, token_id=token.pk)
    with pytest.raises(NotPossible) as limit:
        say(token)
    assert limit.value.reason == arrival.SAID_OFTEN
    with time_machine.travel(timezone.now() + timedelta(days=1, minutes=1)):
        say(token)
    assert DeliveryProblem.objects.count() == arrival.MOST_A_DAY + 1


@pytest.mark.parametrize("delivery", ["none", "queued", "bounced", "offered", "fetched"])
def test_only_of_a_file_that_was_mailed(token: SoftwareToken, delivery: str) -> None:
    SoftwareToken.objects.filter(pk=token.pk).update(delivery=delivery)
    with pytest.raises(Stale):
        say(token)


@pytest.mark.parametrize("kind", ["", "came-back", "lost\x00"])
def test_of_the_kinds_of_the_list(token: SoftwareToken, kind: str) -> None:
    with pytest.raises(NotPossible) as refused:
        say(token, kind)
    assert refused.value.field == "kind"


def test_what_else_becomes_of_it(company: Company, token: SoftwareToken) -> None:
    answered = say(token)
    with pytest.raises(NotPossible):
        arrival.answer(actor=company.ada, problem_id=answered.pk, reason=" ")
    arrival.answer(actor=company.ada, problem_id=answered.pk, reason="Look among the junk mail.")
    sent = say(token, "not-arrived")
    resending.send_again(actor=company.uma, token_id=token.pk, container_format="compatible")
    assert decidable(company.ada) == 1, "the person's own try settles nothing"
    resending.send_again(actor=company.ada, token_id=token.pk, container_format="standard")
    installed = say(token)
    installation.confirm(actor=company.uma, token_id=token.pk, device="linux")
    outcomes = [DeliveryProblem.objects.get(pk=each.pk).outcome for each in (answered, sent, installed)]
    assert outcomes == ["answered", "sent-again", "arrived"]
    told = [each for each in recorded("token") if "arriv" in each[0]]
    said = ("file-not-arrived", "Uma")
    assert told == [said, ("arrival-answered", "Ada"), said, said, ("file-arrived", "Uma")]


def test_not_of_a_token_that_has_ended_nor_on_hold(company: Company, token: SoftwareToken) -> None:
    problem = say(token)
    SoftwareToken.objects.filter(pk=token.pk).update(state="on_hold")
    assert decidable(company.ada) == 0
    with pytest.raises(Refused):
        arrival.open_download(actor=company.ada, problem_id=problem.pk)
