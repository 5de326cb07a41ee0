"""Deactivate, activate, lock: who may, from which state, and everything that goes with it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from django.utils import timezone

from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    Account,
    AuditEvent,
    Certificate,
    IdentityChange,
    Leave,
    OutgoingMail,
    Person,
    PersonSource,
    PersonState,
    Role,
    RoleAssignment,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.people.identity import identity_changes
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow import step1_enable, step6_passphrase
from identity_manager.workflow.issuance import failures, partial_issue, retry
from identity_manager.workflow.people import leave_and_return, sign_in_codes
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import lapse, reminders
from identity_manager.workflow.revocation import hold
from tests.identity_manager.workflow.worker import works
from tests.tools import cast, one_step
from tests.tools.cast import Company, person

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]


def deactivate(actor: Person, target: Person) -> Any:
    return leave_and_return.deactivate(actor=actor, person_id=target.pk, reason="on leave")


def activate(actor: Person, target: Person) -> Any:
    return leave_and_return.activate(actor=actor, person_id=target.pk)


def lock(actor: Person, target: Person) -> Any:
    return leave_and_return.lock(
        actor=actor, person_id=target.pk, reason=RevocationReason.AFFILIATION_CHANGED
    )


VERBS: dict[str, Callable[[Person, Person], Any]] = {
    "deactivate": deactivate,
    "activate": activate,
    "lock": lock,
}
LEADS_TO = {
    ("deactivate", "registered"): "inactive",
    ("deactivate", "active"): "inactive",
    ("activate", "registered"): "active",
    ("activate", "inactive"): "active",
    ("lock", "registered"): "locked",
    ("lock", "active"): "locked",
    ("lock", "inactive"): "locked",
}
TABLES = (Person, Account, Leave, TokenRequest, SoftwareToken, Certificate, OutgoingMail, AuditEvent)


def everything() -> list[Any]:
    tables = (*TABLES, RoleAssignment)
    return [list(model._default_manager.order_by("pk").values()) for model in tables]


def with_account(target: Person) -> Account:
    return Account.objects.create_account(username=target.personnel_number, person=target, password=None)


# --- who, and from where


@pytest.mark.parametrize("state", PersonState.values)
@pytest.mark.parametrize("name", VERBS)
def test_verb_in_state(db: None, name: str, state: str) -> None:
    rita, uma = person("rita"), person("uma", state=state, roles=())
    before = everything()
    if (name, state) in LEADS_TO:
        VERBS[name](rita, uma)
        assert Person.objects.get(pk=uma.pk).state == LEADS_TO[name, state]
    else:
        with pytest.raises(Stale):
            VERBS[name](rita, uma)
        assert everything() == before


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REGISTRATION_OFFICER])
@pytest.mark.parametrize("name", VERBS)
def test_nobody_else_may(db: None, name: str, role: Role) -> None:
    actor, uma = person("x", roles=(role,)), person("uma", state="registered", roles=())
    before = everything()
    with pytest.raises(NotAllowed):
        VERBS[name](actor, uma)
    assert everything() == before


@pytest.mark.parametrize("name", ["deactivate", "lock"])
def test_nobody_does_it_to_themselves_or_in_another_unit(db: None, name: str) -> None:
    rita, uma = person("rita", roles=()), person("uma", organisational_unit="Sued")
    rita.roles.create(role=Role.REGISTRATION_OFFICER, organisational_unit="Nord")
    for target in (rita, uma):
        with pytest.raises(NotAllowed):
            VERBS[name](rita, target)


def test_reasons_are_needed(company: Company) -> None:
    before = everything()
    with pytest.raises(NotPossible) as refused:
        leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="  ")
    assert refused.value.field == "reason"
    with pytest.raises(NotPossible) as refused:
        leave_and_return.lock(
            actor=company.rita, person_id=company.uma.pk, reason=RevocationReason.SUPERSEDED
        )
    assert refused.value.field == "reason"
    assert everything() == before


@pytest.mark.parametrize("name", ["deactivate", "lock"])
def test_the_last_system_administrator_stays(company: Company, name: str) -> None:
    sven = person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,))
    with_account(sven)
    before = everything()
    with pytest.raises(NotPossible, match="last System Administrator"):
        VERBS[name](company.rita, sven)
    assert everything() == before

    with_account(person("sara", roles=(Role.SYSTEM_ADMINISTRATOR,)))
    VERBS[name](company.rita, sven)


# --- roles, sign-in


@pytest.mark.parametrize("name", ["deactivate", "lock"])
def test_every_role_is_withdrawn_and_audited(company: Company, name: str) -> None:
    company.uma.roles.create(role=Role.APPROVER, organisational_unit="Nord")
    VERBS[name](company.rita, company.uma)
    assert not RoleAssignment.objects.filter(person=company.uma).exists()
    withdrawn = AuditEvent.objects.filter(name="role.withdrawn", person=company.uma)
    assert {event.facts["role"] for event in withdrawn} == {"self-service-user", "approver"}


def test_only_self_service_user_comes_back_and_only_to_who_had_it(company: Company) -> None:
    company.uma.roles.create(role=Role.APPROVER)
    for target in (company.uma, company.paul):
        deactivate(company.rita, target)
        activate(company.rita, target)
    assert [held.role for held in RoleAssignment.objects.filter(person=company.uma)] == ["self-service-user"]
    assert not RoleAssignment.objects.filter(person=company.paul).exists()


@pytest.mark.parametrize("name", ["deactivate", "lock"])
def test_sessions_end_and_do_not_come_back(company: Company, name: str) -> None:
    account = with_account(company.uma)
    browser = Client()
    browser.force_login(account)
    assert browser.get("/my/").status_code == 200

    VERBS[name](company.rita, company.uma)
    assert browser.get("/my/").status_code == 302
    if name == "deactivate":
        activate(company.rita, company.uma)
        assert browser.get("/my/").status_code == 302, "the session of before the leave is over"
        browser.force_login(Account.objects.get())
        assert browser.get("/my/").status_code == 200
    else:
        assert not Account.objects.get().is_active


@pytest.mark.parametrize("name", ["deactivate", "lock"])
def test_an_open_sign_in_code_opens_nothing_any_more(company: Company, name: str) -> None:
    code = sign_in_codes.ask(actor=company.rita, person_id=company.sam.pk)
    VERBS[name](company.rita, company.sam)
    code.refresh_from_db()
    assert code.withdrawn_at is not None


# --- tokens


def test_only_what_this_leave_held_comes_back(company: Company) -> None:
    first = company.request_in("completed").tokens.get()
    other = cast.token_type("mail")
    second = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, other))).tokens.get()
    hold.put_on_hold(actor=company.ada, token_id=second.pk, reason="lost for the moment")

    deactivate(company.rita, company.uma)
    works()
    activate(company.rita, company.uma)
    works()

    states = {row.pk: row.state for row in SoftwareToken.objects.all()}
    assert states == {first.pk: "active", second.pk: "on_hold"}
    reasons = {row.certificate: row.reason for row in IssuedCertificate.objects.all()}
    held = Certificate.objects.get(token=second)
    assert reasons.pop(held.certificate) == "certificateHold"
    assert set(reasons.values()) == {""}


def test_an_administrator_does_not_reinstate_during_the_leave(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    deactivate(company.rita, company.uma)
    with pytest.raises(Stale) as refused:
        hold.reinstate(actor=company.ada, token_id=token.pk)
    assert refused.value.reason == hold.ON_LEAVE


def test_what_ended_during_the_leave_stays_ended(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    deactivate(company.rita, company.uma)
    works()
    with time_machine.travel(Certificate.objects.get().not_after + timedelta(days=1)):
        activate(company.rita, company.uma)
        works()
    assert Certificate.objects.get().state == "expired"
    assert SoftwareToken.objects.get(pk=token.pk).state == "expired"


def test_what_nobody_has_got_and_has_ended_during_the_leave_is_over(company: Company) -> None:
    request = company.request_in("issuing")
    one_step.issue(Certificate.objects.get().pk)
    deactivate(company.rita, company.uma)
    works()
    with time_machine.travel(Certificate.objects.get().not_after + timedelta(days=1)):
        activate(company.rita, company.uma)
        works()
    request.refresh_from_db()
    token = request.tokens.get()
    assert (request.state, token.state, token.reason) == ("cancelled", "cancelled", "ended-on-leave")
    certificate = Certificate.objects.get()
    assert (certificate.state, certificate.private_key_wrapped) == ("expired", None)
    mail = OutgoingMail.objects.get(message="ended_on_leave")
    assert (mail.person, mail.state) == (company.uma, "sent")
    assert f"/my/requests/{request.pk}/again/" in mail.body_text


def one_short_one_long(company: Company) -> TokenRequest:
    """Two tokens whose certificates are issued: one for 30 days, the other for as long as ever."""
    short = cast.token_type("short", profiles=("brief",), validity_days=30)
    long = cast.token_type("long", profiles=("client",))
    request = cast.accepted(cast.enabled(company.ada, company.uma, short, long))
    for certificate in Certificate.objects.all():
        one_step.issue(certificate.pk)
    return request


def test_the_rest_of_such_a_request_goes_on(company: Company) -> None:
    request = one_short_one_long(company)
    deactivate(company.rita, company.uma)
    works()
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        activate(company.rita, company.uma)
        works()
        works()
    assert {row.type_code: row.state for row in request.tokens.all()} == {
        "short": "cancelled",
        "long": "sealed",
    }
    assert OutgoingMail.objects.get(message="ended_on_leave").token.type_code == "short"
    request.refresh_from_db()
    assert request.state == "issued"


def test_a_no_to_what_was_cancelled_on_return_does_not_end_the_rest(company: Company) -> None:
    """The cancelled token had another certificate, of which its CA knows nothing: that is no failure."""
    pair = cast.token_type("short", profiles=("brief", "second"), validity_days=30)
    request = cast.accepted(
        cast.enabled(company.ada, company.uma, pair, cast.token_type("long", profiles=("client",)))
    )
    for certificate in Certificate.objects.exclude(profile__code="second"):
        one_step.issue(certificate.pk)
    late = Certificate.objects.get(profile__code="second")
    assert one_step.claim(late.pk) is not None, "its order is journalled, and its worker dies"
    short, long = request.tokens.order_by("-type_code")
    deactivate(company.rita, company.uma)
    works()
    SoftwareToken.objects.filter(pk=long.pk).update(next_attempt_at=None)
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        activate(company.rita, company.uma)
        TokenRequest.objects.filter(pk=request.pk).update(state="issuing", issued_at=None)
        SoftwareToken.objects.filter(pk=long.pk).update(state="issuing")
        with transaction.atomic():
            refused = locking.certificate(late.pk)
            failures.refuse(refused, failures.of_refusal(refused, message="no"))
    request.refresh_from_db()
    assert (SoftwareToken.objects.get(pk=short.pk).state, request.state) == ("cancelled", "issuing")
    assert not OutgoingMail.objects.filter(message="issuance_failed").exists()


@pytest.mark.parametrize("by", ["a retry", "an officer who has the rest issued"])
def test_where_the_rest_had_failed_either_decision_ends_it(company: Company, by: str) -> None:
    """One token is sealed; of the other one certificate was refused, and the other one ends on leave."""
    pair = cast.token_type("pair", profiles=("brief", "second"), validity_days=30)
    long = cast.token_type("long", profiles=("client",))
    request = cast.accepted(cast.enabled(company.ada, company.uma, pair, long))
    for certificate in Certificate.objects.exclude(profile__code="second"):
        one_step.issue(certificate.pk)
    step6_passphrase.seal(token_id=request.tokens.get(type_code="long").pk)
    with transaction.atomic():
        refused = locking.certificate(Certificate.objects.get(profile__code="second").pk)
        failures.refuse(refused, failures.of_refusal(refused, message="no"))
    deactivate(company.rita, company.uma)
    works()
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        activate(company.rita, company.uma)
        works()
        request.refresh_from_db()
        assert request.state == "failed"
        if by == "a retry":
            retry.retry(actor=company.ada, request_id=request.pk)
        else:
            partial_issue.issue_remaining(actor=company.ada, request_id=request.pk, reason="enough")
    assert dict(request.tokens.values_list("type_code", "state")) == {"pair": "cancelled", "long": "sealed"}
    request.refresh_from_db()
    assert request.state == "issued"


def test_what_is_in_use_beside_it_stays_in_use(company: Company) -> None:
    request = one_short_one_long(company)
    step6_passphrase.seal(token_id=request.tokens.get(type_code="long").pk)
    SoftwareToken.objects.filter(type_code="long").update(delivery="sent")
    used = SoftwareToken.objects.get(type_code="long")
    cast.shown(used)
    cast.noted(used)
    deactivate(company.rita, company.uma)
    works()
    with time_machine.travel(timezone.now() + timedelta(days=40)):
        activate(company.rita, company.uma)
        works()
    states = dict(request.tokens.values_list("type_code", "state"))
    assert states == {"short": "cancelled", "long": "active"}
    request.refresh_from_db()
    assert request.state == "completed"
    events = AuditEvent.objects.filter(request=request, name__in=("request.issued", "request.completed"))
    assert sorted(events.values_list("name", flat=True)) == ["request.completed", "request.issued"]


def test_a_passphrase_is_not_kept_alive_by_a_leave(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    deactivate(company.rita, company.uma)
    with time_machine.travel(token.passphrase_destroy_at + timedelta(minutes=1)):
        lapse.lapse_overdue()
        works()
    token = SoftwareToken.objects.get()
    assert (token.state, token.passphrase_wrapped) == ("lapsed", None)
    assert Certificate.objects.get().state == "revoked"


def test_the_time_to_accept_stands_still(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    before = request.accept_before
    deactivate(company.rita, company.uma)
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        lapse.lapse_overdue()
        activate(company.rita, company.uma)
        lapse.lapse_overdue()
    request.refresh_from_db()
    assert request.state == "awaiting_acceptance"
    assert timedelta(days=60) <= request.accept_before - before < timedelta(days=60, minutes=5)


def test_so_does_that_of_the_approvers(company: Company) -> None:
    """Nobody could decide meanwhile: after the return nobody is reminded, passed over or told on at once."""
    request = company.request_in("requested")
    deactivate(company.rita, company.uma)
    asked = OutgoingMail.objects.filter(request=request).count()
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        reminders.escalate_all_undecided()
        activate(company.rita, company.uma)
        reminders.escalate_all_undecided()
    assert OutgoingMail.objects.filter(request=request).count() == asked


def test_the_person_is_told_on_leaving_and_on_return_and_not_when_locked(company: Company) -> None:
    company.request_in("completed")
    OutgoingMail.objects.all().delete()
    deactivate(company.rita, company.uma)
    activate(company.rita, company.uma)
    lock(company.rita, company.uma)
    told = OutgoingMail.objects.order_by("created_at")
    assert [mail.message for mail in told] == ["person_deactivated", "person_activated"]
    assert "1 software token" in told[0].body_text
    assert {mail.state for mail in told} == {"discarded"}, "what waited when the person was locked"


def test_what_was_sent_before_a_lock_stays_sent(company: Company) -> None:
    company.request_in("completed")
    OutgoingMail.objects.update(state="sent", sent_at=timezone.now())
    sent = set(OutgoingMail.objects.values_list("pk", flat=True))
    lock(company.rita, company.uma)
    assert set(OutgoingMail.objects.filter(state="sent").values_list("pk", flat=True)) >= sent


def test_what_was_issued_of_a_token_on_its_way_is_revoked_for_the_reason_of_the_lock(
    company: Company,
) -> None:
    pair = cast.token_type("pair", profiles=("client", "second"))
    cast.accepted(cast.enabled(company.ada, company.uma, pair))
    issued = Certificate.objects.get(position=0)
    one_step.issue(issued.pk)
    lock(company.rita, company.uma)
    issued.refresh_from_db()
    assert issued.revocation_reason == RevocationReason.AFFILIATION_CHANGED.value


def test_the_lock_leaves_nothing_open(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    asked = {"email": "new@example.com"}
    identity_changes.ask(
        locking.person(company.uma.pk), new=asked, source=PersonSource.MANUAL, actor=company.rita
    )
    deactivate(company.rita, company.uma)
    lock(company.rita, company.uma)
    works()

    assert IdentityChange.objects.get().state == "withdrawn"
    assert Leave.objects.get().ended_at is not None
    assert not OutgoingMail.objects.filter(person=company.uma, state="queued").exists()
    assert AuditEvent.objects.filter(name="passphrase.destroyed", token=token).count() == 1
    assert IssuedCertificate.objects.get().reason == "affiliationChanged"
    person("late", email=company.uma.email)  # the address is free for others


def test_nobody_enables_who_is_on_leave(company: Company) -> None:
    deactivate(company.rita, company.uma)
    with pytest.raises(NotPossible) as refused:
        step1_enable.enable(actor=company.ada, person_id=company.uma.pk, type_ids=[company.vpn.pk])
    assert refused.value.reason == eligibility.NOT_ACTIVE[PersonState.INACTIVE]


def test_from_the_directory_the_same_happens(company: Company) -> None:
    company.request_in("completed")
    for state in (PersonState.INACTIVE, PersonState.ACTIVE, PersonState.LOCKED):
        leave_and_return.take_over_state(person_id=company.uma.pk, state=state, actor=None)
        works()
    events = AuditEvent.objects.filter(person=company.uma, actor=None, name__startswith="person.")
    assert [event.name for event in events.order_by("pk")] == [
        "person.deactivated",
        "person.activated",
        "person.locked",
    ]
    assert SoftwareToken.objects.get().state == "revoked"
    with pytest.raises(Refused):
        leave_and_return.take_over_state(person_id=company.uma.pk, state=PersonState.ACTIVE, actor=None)
