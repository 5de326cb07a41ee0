"""One-time sign-in codes: each rule of docs/how-to/first-sign-in.md."""

import json
import logging
import re
from datetime import timedelta

import pytest
import time_machine
from django.core import serializers
from django.utils import timezone

from identity_manager import audit
from identity_manager.models import (
    Account,
    AuditEvent,
    OutgoingMail,
    Person,
    PersonState,
    RequestState,
    Role,
    RoleAssignment,
    SignInCode,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.people.registration_policy import NOT_REGISTRATION_OFFICER
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Refused, Stale
from identity_manager.workflow import snapshot, step1_enable
from identity_manager.workflow.people import sign_in_code_policy, sign_in_codes
from identity_manager.workflow.people.sign_in_code_policy import Stage
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.requests import resubmission
from tests.identity_manager.account.sign_in.conftest import NEW_PASSWORD, Office, account
from tests.tools import cast

pytestmark = pytest.mark.django_db


def made(actor: Person, person: Person) -> str:
    """A code that needed no confirmation, or has it."""
    return sign_in_codes.make(actor=actor, code_id=sign_in_codes.ask(actor=actor, person_id=person.pk).pk)


def redeem(code: str, name: str = "P-uma") -> Account:
    return sign_in_codes.redeem(name=name, code=code, new_password=NEW_PASSWORD)


def everything() -> str:
    """All rows that a refusal must leave as they were."""
    models = (SignInCode, Account, Person, SoftwareToken, TokenRequest, OutgoingMail, AuditEvent)
    return "".join(serializers.serialize("json", model.objects.order_by("pk")) for model in models)


def assert_refused(reason: Reason, kind: type[Refused], verb, **arguments) -> None:
    before = everything()
    with pytest.raises(kind) as refusal:
        verb(**arguments)
    assert refusal.value.reason == reason
    assert everything() == before


def may_not_ask(actor: Person, person: Person) -> None:
    assert_refused(NOT_REGISTRATION_OFFICER, NotAllowed, sign_in_codes.ask, actor=actor, person_id=person.pk)


# --- Asking ----------------------------------------------------------------------------------------
def test_a_registration_officer_asks_and_makes_for_somebody_who_never_signed_in(office: Office) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    assert not code.needs_confirmation
    assert sign_in_code_policy.stage_of(code) == Stage.READY
    secret = sign_in_codes.make(actor=office.rita, code_id=code.pk)
    assert redeem(secret).person == office.uma


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.REGISTRATION_OFFICER}))
def test_nobody_else_asks(office: Office, role: Role) -> None:
    other = cast.person("otto", roles=(role,))
    may_not_ask(other, office.uma)


def test_an_officer_of_another_unit_does_not_ask(office: Office) -> None:
    south = cast.person("otto", roles=())
    RoleAssignment.objects.create(person=south, role=Role.REGISTRATION_OFFICER, organisational_unit="Süd")
    may_not_ask(south, office.uma)


def test_an_officer_of_the_unit_asks(office: Office) -> None:
    north = cast.person("otto", roles=())
    RoleAssignment.objects.create(
        person=north, role=Role.REGISTRATION_OFFICER, organisational_unit=office.uma.organisational_unit
    )
    assert sign_in_codes.ask(actor=north, person_id=office.uma.pk).person == office.uma


def test_an_officer_on_leave_does_not_ask(office: Office) -> None:
    gone = cast.person("otto", state=PersonState.INACTIVE, roles=(Role.REGISTRATION_OFFICER,))
    may_not_ask(gone, office.uma)


def test_not_for_oneself(office: Office) -> None:
    assert_refused(
        sign_in_code_policy.OWN_CODE,
        NotAllowed,
        sign_in_codes.ask,
        actor=office.rita,
        person_id=office.rita.pk,
    )


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (PersonState.REGISTERED, "person-registered"),
        (PersonState.INACTIVE, "person-inactive"),
        (PersonState.LOCKED, "person-locked"),
    ],
)
def test_only_for_who_is_active(office: Office, state: PersonState, reason: str) -> None:
    other = cast.person("otto", state=state, roles=())
    with pytest.raises(NotPossible) as refusal:
        sign_in_codes.ask(actor=office.rita, person_id=other.pk)
    assert refusal.value.reason.code == reason
    assert not SignInCode.objects.exists()


def test_not_for_a_closed_account(office: Office) -> None:
    account(office.uma)
    Account.objects.update(is_active=False)
    assert_refused(
        sign_in_code_policy.ACCOUNT_CLOSED,
        NotPossible,
        sign_in_codes.ask,
        actor=office.rita,
        person_id=office.uma.pk,
    )


def test_not_where_the_user_name_belongs_to_somebody_else(office: Office) -> None:
    Account.objects.create_account(username="p-UMA", person=cast.person("sam"), password=None)
    assert_refused(
        sign_in_code_policy.NAME_TAKEN,
        NotPossible,
        sign_in_codes.ask,
        actor=office.rita,
        person_id=office.uma.pk,
    )


def test_asking_twice_is_asking_once(office: Office) -> None:
    first = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    second = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    assert first == second
    assert AuditEvent.objects.filter(name=audit.Event.SIGN_IN_CODE_ASKED).count() == 1


def test_an_asking_that_is_too_old_is_asked_anew(office: Office) -> None:
    old = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        assert sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk) != old
        assert made(office.rita, office.uma)


# --- The requester ---------------------------------------------------------------------------------
def as_both(person: Person) -> Person:
    RoleAssignment.objects.create(person=person, role=Role.TOKEN_ADMINISTRATOR)
    return person


def test_who_asked_for_a_token_of_the_person_makes_no_code(office: Office) -> None:
    both = as_both(office.rita)
    cast.enabled(both, office.uma)
    assert_refused(
        sign_in_code_policy.REQUESTER, NotAllowed, sign_in_codes.ask, actor=both, person_id=office.uma.pk
    )


def test_who_asked_for_a_token_meanwhile_does_not_make_the_code(office: Office) -> None:
    both = as_both(office.rita)
    code = sign_in_codes.ask(actor=both, person_id=office.uma.pk)
    cast.enabled(both, office.uma)
    assert_refused(sign_in_code_policy.REQUESTER, NotAllowed, sign_in_codes.make, actor=both, code_id=code.pk)


def test_nor_does_who_sent_a_request_of_the_person_round_again(office: Office) -> None:
    """They count as one who asks: they do not approve it, and hold no code for the person."""
    both, asker = as_both(office.rita), cast.person("ada")
    code = sign_in_codes.ask(actor=both, person_id=office.uma.pk)
    request = cast.enabled(asker, office.uma)
    Person.objects.filter(pk=office.uma.pk).update(display_name="Uma Berg")
    changed = snapshot.fingerprint(snapshot.differences(request.lines))
    resubmission.resubmit(actor=both, request_id=request.pk, changes_hash=changed)

    assert_refused(
        sign_in_code_policy.REQUESTER, NotAllowed, sign_in_codes.ask, actor=both, person_id=office.uma.pk
    )
    assert_refused(sign_in_code_policy.REQUESTER, NotAllowed, sign_in_codes.make, actor=both, code_id=code.pk)
    assert not sign_in_code_policy.makeable_by(both).exists()


def test_a_request_that_has_ended_is_no_obstacle(office: Office) -> None:
    both = as_both(office.rita)
    request = cast.enabled(both, office.uma)
    TokenRequest.objects.filter(pk=request.pk).update(state=RequestState.CANCELLED)
    assert made(both, office.uma)


# --- The second officer ----------------------------------------------------------------------------
@pytest.fixture
def signed_in_before(office: Office) -> Office:
    account(office.uma)
    Account.objects.update(last_login=timezone.now())
    return office


def test_who_has_an_account_and_never_signed_in_needs_no_second_officer(office: Office) -> None:
    account(office.uma)
    assert not sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk).needs_confirmation


def test_for_who_has_signed_in_before_a_second_officer_confirms(signed_in_before: Office) -> None:
    office = signed_in_before
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    assert sign_in_code_policy.stage_of(code) == Stage.WAITING
    assert_refused(
        sign_in_code_policy.NOT_CONFIRMED, Stale, sign_in_codes.make, actor=office.rita, code_id=code.pk
    )
    sign_in_codes.confirm(actor=office.rolf, code_id=code.pk)
    assert redeem(sign_in_codes.make(actor=office.rita, code_id=code.pk), "uma").username == "uma"


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.SELF_SERVICE_USER}))
def test_for_each_office_a_second_officer_confirms(office: Office, role: Role) -> None:
    officer = cast.person("otto", roles=(role,))
    assert sign_in_codes.ask(actor=office.rita, person_id=officer.pk).needs_confirmation


def test_the_asker_does_not_confirm(signed_in_before: Office) -> None:
    office = signed_in_before
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    assert_refused(
        sign_in_code_policy.OWN_ASKING, NotAllowed, sign_in_codes.confirm, actor=office.rita, code_id=code.pk
    )


def test_the_person_does_not_confirm(office: Office) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.rolf.pk)
    assert_refused(
        sign_in_code_policy.OWN_CODE, NotAllowed, sign_in_codes.confirm, actor=office.rolf, code_id=code.pk
    )


def test_only_a_registration_officer_confirms(signed_in_before: Office) -> None:
    code = sign_in_codes.ask(actor=signed_in_before.rita, person_id=signed_in_before.uma.pk)
    ada = cast.person("ada")
    assert_refused(
        NOT_REGISTRATION_OFFICER,
        NotAllowed,
        sign_in_codes.confirm,
        actor=ada,
        code_id=code.pk,
    )


def test_confirmed_once(signed_in_before: Office) -> None:
    office = signed_in_before
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.confirm(actor=office.rolf, code_id=code.pk)
    assert_refused(
        sign_in_code_policy.NO_CONFIRMATION_NEEDED,
        Stale,
        sign_in_codes.confirm,
        actor=office.rolf,
        code_id=code.pk,
    )


def test_who_confirmed_does_not_make_it(signed_in_before: Office) -> None:
    office = signed_in_before
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.confirm(actor=office.rolf, code_id=code.pk)
    assert_refused(
        sign_in_code_policy.NOT_ASKER, NotAllowed, sign_in_codes.make, actor=office.rolf, code_id=code.pk
    )


def test_a_sign_in_between_asking_and_making_calls_for_a_second_officer(office: Office) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    account(office.uma)
    Account.objects.update(last_login=timezone.now())
    assert_refused(
        sign_in_code_policy.NOT_OPEN, Stale, sign_in_codes.make, actor=office.rita, code_id=code.pk
    )
    assert sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk).needs_confirmation


def test_an_old_asking_is_not_confirmed(signed_in_before: Office) -> None:
    office = signed_in_before
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        assert sign_in_code_policy.stage_of(code) == Stage.EXPIRED
        assert not SignInCode.objects.decidable_by(office.rolf).exists()
        assert_refused(
            sign_in_code_policy.NOT_OPEN, Stale, sign_in_codes.confirm, actor=office.rolf, code_id=code.pk
        )


def test_each_officer_sees_what_they_can_do(signed_in_before: Office) -> None:
    office = signed_in_before
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    assert list(SignInCode.objects.decidable_by(office.rolf)) == [code]
    assert not SignInCode.objects.decidable_by(office.rita).exists()
    assert not SignInCode.objects.decidable_by(cast.person("ada")).exists()
    assert list(code.second_officers()) == [office.rolf]
    assert not sign_in_code_policy.makeable_by(office.rita).exists()
    sign_in_codes.confirm(actor=office.rolf, code_id=code.pk)
    assert not SignInCode.objects.decidable_by(office.rolf).exists()
    assert list(sign_in_code_policy.makeable_by(office.rita)) == [code]


def test_an_officer_of_another_unit_sees_nothing_to_confirm(signed_in_before: Office) -> None:
    sign_in_codes.ask(actor=signed_in_before.rita, person_id=signed_in_before.uma.pk)
    south = cast.person("otto", roles=())
    RoleAssignment.objects.create(person=south, role=Role.REGISTRATION_OFFICER, organisational_unit="Süd")
    assert not SignInCode.objects.decidable_by(south).exists()


def test_whose_person_went_to_another_unit_is_not_made(office: Office) -> None:
    north = cast.person("otto", roles=())
    RoleAssignment.objects.create(person=north, role=Role.REGISTRATION_OFFICER, organisational_unit="Nord")
    code = sign_in_codes.ask(actor=north, person_id=office.uma.pk)
    assert list(sign_in_code_policy.makeable_by(north)) == [code]
    Person.objects.filter(pk=office.uma.pk).update(organisational_unit="Süd")
    assert not sign_in_code_policy.makeable_by(north).exists()


def test_what_cannot_be_made_any_more_is_no_task(office: Office) -> None:
    """Its page says why; the list of what can be made leaves it out, and shows it when it can be again."""
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    uma = Person.objects.filter(pk=office.uma.pk)
    own = account(office.uma)

    def makeable() -> list[SignInCode]:
        return list(sign_in_code_policy.makeable_by(office.rita))

    assert makeable() == [code]
    for row, change, back in (
        (Account.objects.filter(pk=own.pk), {"last_login": timezone.now()}, {"last_login": None}),
        (Account.objects.filter(pk=own.pk), {"is_active": False}, {"is_active": True}),
        (uma, {"state": PersonState.INACTIVE}, {"state": PersonState.ACTIVE}),
    ):
        row.update(**change)
        assert makeable() == [], change
        row.update(**back)
        assert makeable() == [code]
    RoleAssignment.objects.create(person=office.uma, role=Role.AUDITOR)
    assert makeable() == []


def test_what_was_withdrawn_is_no_task(office: Office) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.withdraw(actor=office.rolf, code_id=code.pk)
    assert not sign_in_code_policy.makeable_by(office.rita).exists()


def test_who_asked_for_a_token_meanwhile_has_no_code_to_make(office: Office) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    RoleAssignment.objects.create(person=office.rita, role=Role.TOKEN_ADMINISTRATOR)
    step1_enable.enable(actor=office.rita, person_id=office.uma.pk, type_ids=[cast.token_type().pk])
    assert not sign_in_code_policy.makeable_by(office.rita).exists()
    assert_refused(
        sign_in_code_policy.REQUESTER, NotAllowed, sign_in_codes.make, actor=office.rita, code_id=code.pk
    )


def test_what_a_second_officer_confirmed_can_be_made_after_a_sign_in(signed_in_before: Office) -> None:
    office = signed_in_before
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.confirm(actor=office.rolf, code_id=code.pk)
    Account.objects.update(last_login=timezone.now())
    assert list(sign_in_code_policy.makeable_by(office.rita)) == [code]


def test_nothing_is_confirmed_for_who_is_on_leave(signed_in_before: Office) -> None:
    office = signed_in_before
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    Person.objects.filter(pk=office.uma.pk).update(state=PersonState.INACTIVE)
    assert not SignInCode.objects.decidable_by(office.rolf).exists()
    on_leave = eligibility.NOT_ACTIVE[PersonState.INACTIVE]
    assert_refused(on_leave, NotPossible, sign_in_codes.confirm, actor=office.rolf, code_id=code.pk)


def test_nor_is_anything_made(office: Office) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    Person.objects.filter(pk=office.uma.pk).update(state=PersonState.INACTIVE)
    on_leave = eligibility.NOT_ACTIVE[PersonState.INACTIVE]
    assert_refused(on_leave, NotPossible, sign_in_codes.make, actor=office.rita, code_id=code.pk)


# --- Making ----------------------------------------------------------------------------------------
def test_the_code_is_long_and_unambiguous() -> None:
    codes = {sign_in_codes.generate() for _ in range(200)}
    assert len(codes) == 200
    assert sign_in_codes.ENTROPY_BITS >= 80
    assert all(re.fullmatch(r"([2-9A-HJ-NP-Z]{5}-){3}[2-9A-HJ-NP-Z]{5}", code) for code in codes)


def test_made_once(office: Office) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.make(actor=office.rita, code_id=code.pk)
    assert_refused(
        sign_in_code_policy.NOT_OPEN, Stale, sign_in_codes.make, actor=office.rita, code_id=code.pk
    )


def test_it_is_valid_for_seven_days(office: Office) -> None:
    begin = timezone.now()
    with time_machine.travel(begin, tick=False):
        code = made(office.rita, office.uma)
    with time_machine.travel(begin + timedelta(days=7)), pytest.raises(NotPossible):
        redeem(code)
    with time_machine.travel(begin + timedelta(days=7, minutes=-1)):
        assert redeem(code)


def test_a_new_code_withdraws_the_old_one(office: Office) -> None:
    old = made(office.rita, office.uma)
    new = made(office.rolf, office.uma)
    with pytest.raises(NotPossible):
        redeem(old)
    assert redeem(new)


def test_a_new_code_destroys_unacknowledged_passphrases(office: Office) -> None:
    ada = cast.person("ada")
    request = cast.delivered(cast.issued(cast.accepted(cast.enabled(ada, office.uma))))
    token = request.tokens.get()
    assert token.passphrase_wrapped
    made(office.rita, office.uma)
    token = SoftwareToken.objects.get()
    assert token.state == "lapsed"
    assert token.passphrase_wrapped is None
    assert token.certificates.get().revocation_decided_at
    assert TokenRequest.objects.get().state == RequestState.COMPLETED
    assert OutgoingMail.objects.filter(message="token_lapsed").count() == 1


def test_a_new_code_leaves_acknowledged_tokens_and_others_alone(office: Office) -> None:
    ada, sam = cast.person("ada"), cast.person("sam")
    noted = cast.delivered(cast.issued(cast.accepted(cast.enabled(ada, office.uma)))).tokens.get()
    cast.noted(noted)
    other = cast.issued(cast.accepted(cast.enabled(ada, sam))).tokens.get()
    made(office.rita, office.uma)
    assert SoftwareToken.objects.get(pk=noted.pk).state == "active"
    assert SoftwareToken.objects.get(pk=other.pk).passphrase_wrapped


def test_the_person_is_told_by_mail_and_the_code_is_nowhere(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = made(office.rita, office.uma)
    mail = OutgoingMail.objects.get(message="sign_in_code_made")
    assert mail.to_address == office.uma.email
    redeem(code)
    sinks = everything() + caplog.text
    bare = code.replace("-", "")
    assert code not in sinks
    assert bare not in sinks.replace("-", "")
    assert NEW_PASSWORD not in sinks
    assert bare in (sinks + code).replace("-", "")


def test_who_has_no_mail_gets_a_code_all_the_same(office: Office) -> None:
    Person.objects.filter(pk=office.uma.pk).update(email="")
    assert redeem(made(office.rita, office.uma))
    assert not OutgoingMail.objects.queued().exists()


def test_withdrawn_by_an_officer(office: Office) -> None:
    code = made(office.rita, office.uma)
    row = SignInCode.objects.get()
    assert_refused(
        NOT_REGISTRATION_OFFICER,
        NotAllowed,
        sign_in_codes.withdraw,
        actor=cast.person("ada"),
        code_id=row.pk,
    )
    sign_in_codes.withdraw(actor=office.rolf, code_id=row.pk)
    with pytest.raises(NotPossible):
        redeem(code)
    assert_refused(
        sign_in_code_policy.NOT_OPEN, Stale, sign_in_codes.withdraw, actor=office.rolf, code_id=row.pk
    )


# --- Redeeming -------------------------------------------------------------------------------------
def test_redeeming_creates_the_account_and_sets_the_password(office: Office) -> None:
    created = redeem(made(office.rita, office.uma))
    assert created.username == office.uma.personnel_number
    assert created.check_password(NEW_PASSWORD)
    names = list(AuditEvent.objects.filter(actor=office.uma).order_by("pk").values_list("name", flat=True))
    assert names == ["account.created", "sign-in-code.used", "account.password-set"]


def test_redeeming_keeps_an_account_that_is_there(office: Office) -> None:
    old = account(office.uma)
    assert redeem(made(office.rita, office.uma)) == old
    assert Account.objects.get().check_password(NEW_PASSWORD)


@pytest.mark.parametrize("name", ["P-uma", "p-UMA", "uma", "UMA"])
def test_the_personnel_number_and_the_user_name_will_do(office: Office, name: str) -> None:
    account(office.uma)
    assert redeem(made(office.rita, office.uma), name)


def test_a_personnel_number_goes_before_somebody_elses_user_name(office: Office) -> None:
    code = made(office.rita, office.uma)
    Account.objects.create_account(username="p-UMA", person=cast.person("sam"), password=None)
    with pytest.raises(NotPossible):
        redeem(code)
    assert not Account.objects.filter(person=office.uma).exists()


def test_hyphens_spaces_and_capitals_do_not_matter(office: Office) -> None:
    code = made(office.rita, office.uma)
    assert redeem(f" {code.replace('-', ' ').lower()} ")


def test_it_works_once(office: Office) -> None:
    code = made(office.rita, office.uma)
    redeem(code)
    with pytest.raises(NotPossible):
        redeem(code)


def test_it_works_for_its_person_only(office: Office) -> None:
    code = made(office.rita, office.uma)
    made(office.rita, cast.person("sam"))
    with pytest.raises(NotPossible):
        redeem(code, "P-sam")


def test_wrong_tries_are_counted_and_do_not_end_it(office: Office) -> None:
    code = made(office.rita, office.uma)
    for _ in range(12):
        with pytest.raises(NotPossible):
            redeem("22222-22222-22222-22222")
    assert SignInCode.objects.get().failed_attempts == 12
    assert AuditEvent.objects.filter(name="account.sign-in-failed").count() == 12
    assert redeem(code)


def test_very_many_wrong_tries_fit_the_column(office: Office) -> None:
    code = made(office.rita, office.uma)
    SignInCode.objects.update(failed_attempts=sign_in_codes.MOST_COUNTED)
    with pytest.raises(NotPossible):
        redeem("22222-22222-22222-22222")
    assert SignInCode.objects.get().failed_attempts == sign_in_codes.MOST_COUNTED
    assert redeem(code)


def test_what_was_asked_for_and_not_made_is_no_code(office: Office) -> None:
    sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    for typed in ("", "-", "22222-22222-22222-22222"):
        with pytest.raises(NotPossible):
            redeem(typed)


def test_not_for_who_is_not_active_any_more(office: Office) -> None:
    code = made(office.rita, office.uma)
    uma = Person.objects.get(pk=office.uma.pk)
    uma.deactivate()
    uma.save()
    with pytest.raises(NotPossible):
        redeem(code)
    assert not Account.objects.exists()


def test_a_code_of_one_officer_opens_nothing_once_the_person_has_signed_in_otherwise(office: Office) -> None:
    code = made(office.rita, office.uma)
    account(office.uma)
    Account.objects.update(last_login=timezone.now())
    with pytest.raises(NotPossible):
        redeem(code)
    assert sign_in_code_policy.stage_of(SignInCode.objects.get()) == Stage.OVERTAKEN


def test_a_code_of_one_officer_opens_nothing_once_the_person_holds_an_office(office: Office) -> None:
    code = made(office.rita, office.uma)
    RoleAssignment.objects.create(person=office.uma, role=Role.SYSTEM_ADMINISTRATOR)
    with pytest.raises(NotPossible):
        redeem(code)
    assert not Account.objects.exists()


def test_no_code_opens_a_passphrase_that_was_sealed_after_it_was_made(signed_in_before: Office) -> None:
    office = signed_in_before
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.confirm(actor=office.rolf, code_id=asked.pk)
    code = sign_in_codes.make(actor=office.rita, code_id=asked.pk)
    token = cast.issued(cast.accepted(cast.enabled(cast.person("ada"), office.uma))).tokens.get()
    assert token.passphrase_wrapped
    redeem(code)
    token = SoftwareToken.objects.get()
    assert (token.state, token.passphrase_wrapped) == ("lapsed", None)
    assert token.certificates.get().revocation_decided_at


def test_one_sentence_for_whatever_does_not_fit(office: Office) -> None:
    made(office.rita, office.uma)
    sentences = set()
    for name in ("P-uma", "P-rita", "P-nobody"):
        with pytest.raises(NotPossible) as refusal:
            redeem("22222-22222-22222-22222", name)
        sentences.add(str(refusal.value))
    assert len(sentences) == 1


def test_the_typed_name_is_kept_as_a_keyed_hash(office: Office) -> None:
    with pytest.raises(NotPossible):
        redeem("22222", "my secret password")
    with pytest.raises(NotPossible):
        redeem("22222", " My Secret Password ")
    first, second = AuditEvent.objects.filter(name="account.sign-in-failed")
    assert first.facts["name"] == second.facts["name"]
    assert "secret" not in json.dumps(first.facts).lower()


def test_enabling_after_making_a_code_is_told(office: Office) -> None:
    """The person has a code of rita's; that rita asks for a token then is refused as well."""
    both = as_both(office.rita)
    made(both, office.uma)
    with pytest.raises(NotAllowed) as refusal:
        step1_enable.enable(actor=both, person_id=office.uma.pk, type_ids=[cast.token_type().pk])
    assert refusal.value.reason.code == "made-a-code"
