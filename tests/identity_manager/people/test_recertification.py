"""Recertification of roles: opened once a period, answered by others than the holder, nobody locked out."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import (
    Account,
    AuditEvent,
    Deputy,
    OutgoingMail,
    Person,
    Recertification,
    RecoveryCertificate,
    RecoveryKeyWrapping,
    RecoveryShare,
    Role,
    RoleAssignment,
    RoleReview,
)
from identity_manager.models.people.role import today
from identity_manager.people.officers import deputies, recertification, roles
from identity_manager.people.officers.roles import RolePeriod
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from tests.tools.cast import person

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]
SYSTEM, USERS, RECOVERY = Role.SYSTEM_ADMINISTRATOR, Role.USER_ADMINISTRATOR, Role.RECOVERY_OFFICER


def officer(name: str, *held: Role, unit: str = "", works_in: str = "") -> Person:
    row = person(name, roles=(), organisational_unit=works_in)
    for role in held:
        RoleAssignment.objects.create(person=row, role=role, organisational_unit=unit)
    Account.objects.create_account(username=name, person=row, password=None)
    return row


def opened(actor: Person) -> Recertification:
    return recertification.open_now(actor=actor)


def review(of: Person) -> RoleReview:
    return RoleReview.objects.get(person=of)


def confirm(actor: Person, of: Person) -> RoleReview:
    return recertification.confirm(actor=actor, review_id=review(of).pk)


def ended(campaign: Recertification) -> dict[str, str]:
    """By name of the person: what became of the role."""
    with time_machine.travel(campaign.due_at + timedelta(minutes=1)):
        recertification.check()
    rows = RoleReview.objects.filter(campaign=campaign).values_list("person__given_name", "decision")
    return {name.lower(): decision for name, decision in rows}


def everything() -> list[Any]:
    tables = (RoleReview, RoleAssignment, OutgoingMail, AuditEvent)
    return [list(table.objects.order_by("pk").values()) for table in tables]


# --- opening


def test_the_job_opens_one_a_year_after_the_oldest_role_and_then_yearly() -> None:
    officer("ulf", USERS), officer("ada", Role.TOKEN_ADMINISTRATOR), person("uma")
    recertification.check()
    assert not Recertification.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(days=366)):
        recertification.check()
        recertification.check()
        campaign = Recertification.objects.get()
        found = RoleReview.objects.values_list("role", flat=True)
        assert sorted(found) == ["token-administrator", "user-administrator"]  # nobody's Self-Service User
        facts = AuditEvent.objects.get(name="recertification.opened").facts
        assert facts["roles"] == 2
    ended(campaign)
    with time_machine.travel(timezone.now() + timedelta(days=366 + 364)):
        recertification.check()
        assert Recertification.objects.count() == 1
    with time_machine.travel(timezone.now() + timedelta(days=366 + 367)):
        recertification.check()
        assert Recertification.objects.count() == 2


def test_a_period_of_0_opens_none(settings: Settings) -> None:
    officer("ulf", USERS)
    settings.RECERTIFICATION_DAYS = 0
    with time_machine.travel(timezone.now() + timedelta(days=4000)):
        recertification.check()
    assert not Recertification.objects.exists()


@pytest.mark.parametrize("role", [role for role in Role if role != USERS])
def test_nobody_else_opens_one(role: Role) -> None:
    with pytest.raises(NotAllowed):
        opened(officer("x", role))


def test_nor_does_who_is_limited_to_a_unit() -> None:
    with pytest.raises(NotAllowed):
        opened(officer("ulf", USERS, unit="Nord"))


def test_two_are_never_open() -> None:
    ulf = officer("ulf", USERS)
    opened(ulf)
    with pytest.raises(Stale):
        opened(ulf)
    with pytest.raises(IntegrityError), transaction.atomic():
        Recertification.objects.create(due_at=timezone.now())


# --- answering


def test_a_user_administrator_confirms_and_it_is_audited() -> None:
    ulf, ada = officer("ulf", USERS), officer("ada", Role.TOKEN_ADMINISTRATOR)
    opened(ulf)
    confirm(ulf, ada)
    row = review(ada)
    assert (row.decision, row.decided_by) == ("confirmed", ulf)
    event = AuditEvent.objects.get(name="role.confirmed")
    assert (event.actor, event.person, event.facts) == (ulf, ada, {"role": "token-administrator", "unit": ""})
    assert ada.roles.exists()


def test_withdrawing_withdraws_the_role() -> None:
    ulf, ada = officer("ulf", USERS), officer("ada", Role.TOKEN_ADMINISTRATOR)
    opened(ulf)
    recertification.withdraw(actor=ulf, review_id=review(ada).pk)
    assert not ada.roles.exists()
    assert review(ada).decision == "withdrawn"
    assert AuditEvent.objects.get(name="role.withdrawn").actor == ulf


@pytest.mark.parametrize("verb", [recertification.confirm, recertification.withdraw])
@pytest.mark.parametrize("role", [role for role in Role if role != USERS])
def test_nobody_else_answers(role: Role, verb: Any) -> None:
    ulf, ada, other = officer("ulf", USERS), officer("ada", Role.APPROVER), officer("x", role)
    opened(ulf)
    before = everything()
    with pytest.raises(NotAllowed):
        verb(actor=other, review_id=review(ada).pk)
    assert everything() == before


@pytest.mark.parametrize("verb", [recertification.confirm, recertification.withdraw])
def test_nobody_answers_for_their_own_role_whatever_else_they_hold(verb: Any) -> None:
    ulf = officer("ulf", USERS, Role.APPROVER)
    opened(ulf)
    for row in RoleReview.objects.filter(person=ulf):
        before = everything()
        with pytest.raises(NotAllowed) as refused:
            verb(actor=ulf, review_id=row.pk)
        assert refused.value.reason == roles.NEVER_TO_ONESELF
        assert everything() == before
    row = RoleReview.objects.filter(person=ulf).first()
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleReview.objects.filter(pk=row.pk).update(decision="confirmed", decided_by=ulf)


@pytest.mark.parametrize(("works_in", "reaches"), [("Nord", "Nord"), ("Sued", ""), ("Sued", "Nord")])
def test_a_unit_limits_who_answers_for_person_and_role(works_in: str, reaches: str) -> None:
    ulf, far = officer("ulf", USERS), officer("far", USERS, unit="Sued")
    ada = officer("ada", Role.APPROVER, unit=reaches, works_in=works_in)
    opened(ulf)
    assert review(ada) not in RoleReview.objects.decidable_by(far)
    with pytest.raises(NotAllowed):
        confirm(far, ada)


def test_within_the_unit_they_answer() -> None:
    ulf, near = officer("ulf", USERS), officer("near", USERS, unit="Nord")
    ada = officer("ada", Role.APPROVER, unit="Nord", works_in="Nord")
    opened(ulf)
    assert review(ada) in RoleReview.objects.decidable_by(near)
    confirm(near, ada)


def test_who_entered_a_person_does_not_confirm_their_role_but_may_withdraw_it() -> None:
    ulf, ada = officer("ulf", USERS), officer("ada", Role.TOKEN_ADMINISTRATOR)
    Person.objects.filter(pk=ada.pk).update(entered_by=ulf)
    opened(ulf)
    with pytest.raises(NotPossible):
        confirm(ulf, ada)
    recertification.withdraw(actor=ulf, review_id=review(ada).pk)


def test_roles_that_check_each_other_are_not_confirmed_until_one_is_gone() -> None:
    ulf, ada = officer("ulf", USERS), officer("ada", Role.TOKEN_ADMINISTRATOR, Role.APPROVER)
    opened(ulf)
    first, second = RoleReview.objects.filter(person=ada).order_by("role")
    with pytest.raises(NotPossible):
        recertification.confirm(actor=ulf, review_id=first.pk)
    recertification.withdraw(actor=ulf, review_id=second.pk)
    recertification.confirm(actor=ulf, review_id=first.pk)


def test_an_answer_counts_once() -> None:
    ulf, eva, ada = officer("ulf", USERS), officer("eva", USERS), officer("ada", Role.APPROVER)
    opened(ulf)
    confirm(ulf, ada)
    before = everything()
    for verb in (recertification.confirm, recertification.withdraw):
        with pytest.raises(Stale) as refused:
            verb(actor=eva, review_id=review(ada).pk)
        assert refused.value.reason == recertification.DECIDED
    assert everything() == before


def test_a_role_that_was_assigned_anew_is_not_the_one_of_the_page() -> None:
    ulf, ada = officer("ulf", USERS), officer("ada", Role.APPROVER)
    opened(ulf)
    roles.withdraw(actor=ulf, person_id=ada.pk, role=Role.APPROVER)
    roles.assign(actor=ulf, person_id=ada.pk, role=Role.APPROVER)
    for verb in (recertification.confirm, recertification.withdraw):
        with pytest.raises(Stale) as refused:
            verb(actor=ulf, review_id=review(ada).pk)
        assert refused.value.reason == recertification.GONE
    assert ada.roles.exists()
    recertification.check()
    assert review(ada).decision == "gone"


def test_the_last_system_administrator_is_not_withdrawn() -> None:
    ulf, sue = officer("ulf", USERS), officer("sue", SYSTEM)
    opened(ulf)
    with pytest.raises(NotPossible) as refused:
        recertification.withdraw(actor=ulf, review_id=review(sue).pk)
    assert refused.value.reason == roles.LAST_SYSTEM_ADMINISTRATOR
    assert review(sue).decision == ""


# --- mails


def test_those_who_can_answer_are_mailed_at_the_opening_halfway_and_before_the_end() -> None:
    ulf, far = officer("ulf", USERS), officer("far", USERS, unit="Sued")
    officer("ada", Role.APPROVER)
    began = timezone.now()
    opened(ulf)
    mails = OutgoingMail.objects.filter(message="recertification_waits")
    assert {mail.person for mail in mails} == {ulf}  # far reaches nobody
    for day, number in ((1, 1), (14, 1), (16, 2), (24, 3), (24, 3), (29.5, 4)):
        with time_machine.travel(began + timedelta(days=day)):
            recertification.check()
        assert mails.all().count() == number, day
    assert "approver" not in mails.first().body_text.lower()
    assert far.pk not in mails.values_list("person", flat=True)


# --- the end


def test_what_nobody_answered_stays_and_is_reported() -> None:
    ulf, ada, paul = (
        officer("ulf", USERS),
        officer("ada", Role.TOKEN_ADMINISTRATOR),
        officer("paul", Role.APPROVER),
    )
    campaign = opened(ulf)
    confirm(ulf, paul)
    assert ended(campaign) == {"ulf": "unanswered", "ada": "unanswered", "paul": "confirmed"}
    assert ada.roles.exists()
    campaign.refresh_from_db()
    assert not campaign.is_open
    facts = AuditEvent.objects.get(name="recertification.ended").facts
    assert (facts["confirmed"], facts["unanswered"], facts["ended"]) == (1, 2, 0)
    assert "2 roles" in OutgoingMail.objects.get(message="recertification_over", person=ulf).body_text
    with pytest.raises(Stale):
        confirm(ulf, ada)


def test_with_the_setting_it_ends(settings: Settings) -> None:
    settings.RECERTIFICATION_UNANSWERED = "end"
    ulf, ada, paul = (
        officer("ulf", USERS),
        officer("ada", Role.TOKEN_ADMINISTRATOR),
        officer("paul", Role.APPROVER),
    )
    campaign = opened(ulf)
    confirm(ulf, paul)
    assert ended(campaign) == {"ulf": "kept", "ada": "ended", "paul": "confirmed"}
    assert (ada.roles.exists(), paul.roles.exists()) == (False, True)
    event = AuditEvent.objects.get(name="role.not-confirmed")
    assert (event.actor, event.person) == (None, ada)


def test_who_decides_in_the_stead_of_an_approver_ends_with_the_role(settings: Settings) -> None:
    settings.RECERTIFICATION_UNANSWERED = "end"
    ulf, paul = officer("ulf", USERS), officer("paul", Role.APPROVER)
    dora, days = person("dora", roles=()), timedelta(days=200)
    period = RolePeriod(today(), today() + days)
    deputies.assign(actor=ulf, principal_id=paul.pk, deputy_id=dora.pk, unit="", period=period)
    campaign = opened(ulf)
    confirm(ulf, dora)
    assert ended(campaign) == {"ulf": "kept", "paul": "ended", "dora": "confirmed"}
    assert Deputy.objects.get().ended_at is not None
    assert not dora.roles.exists()


def test_nobody_is_locked_out_where_everybody_is_silent(settings: Settings) -> None:
    settings.RECERTIFICATION_UNANSWERED = "end"
    ulf = officer("ulf", USERS)
    for name in ("una", "uwe"):
        officer(name, USERS)
    for name in ("sue", "sid", "stu"):
        officer(name, SYSTEM)
    for name in ("rea", "ron", "ria", "roy"):
        officer(name, RECOVERY)
    ended(opened(ulf))
    left = [Person.objects.holding(role).count() for role in (USERS, SYSTEM, RECOVERY)]
    assert left == [1, 1, recertification.NEEDED_TO_RECOVER]


def test_one_limited_to_a_unit_or_to_a_day_keeps_nothing_open_for_all(settings: Settings) -> None:
    settings.RECERTIFICATION_UNANSWERED = "end"
    ulf = officer("ulf", USERS)
    officer("una", USERS, unit="Nord")
    late = officer("uwe", USERS)
    RoleAssignment.objects.filter(person=late).update(valid_until=timezone.localdate() + timedelta(days=60))
    campaign = opened(ulf)
    assert ended(campaign)["ulf"] == "kept"


def test_who_holds_a_share_stays_a_recovery_officer(settings: Settings) -> None:
    settings.RECERTIFICATION_UNANSWERED = "end"
    ulf = officer("ulf", USERS)
    holders = [officer(name, RECOVERY) for name in ("rea", "ron", "ria")]
    officer("roy", RECOVERY)
    wrapping = _wrapping()
    for number, holder in enumerate(holders, start=1):
        RecoveryShare.objects.create(wrapping=wrapping, officer=holder, number=number)
    found = ended(opened(ulf))
    assert found == {"ulf": "kept", "rea": "kept", "ron": "kept", "ria": "kept", "roy": "ended"}


def _wrapping() -> RecoveryKeyWrapping:
    certificate = RecoveryCertificate.objects.create(
        kind="officers",
        name="Recovery",
        certificate=b"x",
        fingerprint="0" * 64,
        key_id="1" * 40,
        transport="oaep-sha256",
        not_after=timezone.now() + timedelta(days=1000),
    )
    return RecoveryKeyWrapping.objects.create(certificate=certificate, content=b"x", identifier=1, needed=2)


def test_a_role_that_ended_meanwhile_is_nobodys_fault(settings: Settings) -> None:
    settings.RECERTIFICATION_UNANSWERED = "end"
    ulf, ada = officer("ulf", USERS), officer("ada", Role.APPROVER)
    campaign = opened(ulf)
    roles.withdraw(actor=ulf, person_id=ada.pk, role=Role.APPROVER)
    assert ended(campaign)["ada"] == "gone"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_answer_at_once_one_is_told_so() -> None:
    ulf, eva, ada = officer("ulf", USERS), officer("eva", USERS), officer("ada", Role.APPROVER)
    opened(ulf)
    outcomes: list[str] = []

    def answer(actor: Person, verb: Any) -> None:
        try:
            verb(actor=Person.objects.get(pk=actor.pk), review_id=review(ada).pk)
            outcomes.append("done")
        except Refused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [
        threading.Thread(target=answer, args=(ulf, recertification.confirm)),
        threading.Thread(target=answer, args=(eva, recertification.withdraw)),
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(outcomes) == ["done", "refused"]
    assert (review(ada).decision == "confirmed") == ada.roles.exists()
