"""Sign-in codes under real threads: one effect, however many click."""

import pytest
from django.utils import timezone

from identity_manager.models import Account, AuditEvent, OutgoingMail, SignInCode
from identity_manager.workflow.people import sign_in_codes
from tests.identity_manager.account.sign_in.conftest import NEW_PASSWORD, Office, account
from tests.identity_manager.workflow.test_races import succeeded, together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
CLICKS = 4


@pytest.fixture(autouse=True)
def _real_rows(transactional_db: None) -> None:
    """Threads see what is committed."""


def events(name: str) -> int:
    return AuditEvent.objects.filter(name=name).count()


def test_a_code_is_redeemed_once(office: Office) -> None:
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    code = sign_in_codes.make(actor=office.rita, code_id=asked.pk)
    results = together(
        *[
            lambda number=number: sign_in_codes.redeem(
                name="P-uma", code=code, new_password=f"{NEW_PASSWORD} {number}"
            )
            for number in range(CLICKS)
        ]
    )
    assert succeeded(results) == 1
    assert events("sign-in-code.used") == events("account.created") == 1
    winner = next(number for number, result in enumerate(results) if isinstance(result, Account))
    assert Account.objects.get().check_password(f"{NEW_PASSWORD} {winner}")


def test_a_code_is_made_once(office: Office) -> None:
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    results = together(*[lambda: sign_in_codes.make(actor=office.rita, code_id=asked.pk)] * CLICKS)
    assert succeeded(results) == 1
    assert events("sign-in-code.made") == OutgoingMail.objects.count() == 1
    code = next(result for result in results if isinstance(result, str))
    assert sign_in_codes.redeem(name="P-uma", code=code, new_password=NEW_PASSWORD)


def test_a_code_is_asked_for_once(office: Office) -> None:
    results = together(*[lambda: sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)] * CLICKS)
    assert succeeded(results) == CLICKS
    assert SignInCode.objects.count() == events("sign-in-code.asked") == 1


def test_two_officers_who_ask_leave_one_code(office: Office) -> None:
    together(
        *[lambda: sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)] * 2,
        *[lambda: sign_in_codes.ask(actor=office.rolf, person_id=office.uma.pk)] * 2,
    )
    assert SignInCode.objects.filter(withdrawn_at=None).count() == 1


def test_a_code_is_confirmed_once(office: Office) -> None:
    account(office.uma)
    Account.objects.update(last_login=timezone.now())
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    results = together(*[lambda: sign_in_codes.confirm(actor=office.rolf, code_id=asked.pk)] * CLICKS)
    assert succeeded(results) == events("sign-in-code.confirmed") == 1


def test_wrong_tries_at_once_are_all_counted(office: Office) -> None:
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    code = sign_in_codes.make(actor=office.rita, code_id=asked.pk)
    together(*[lambda: sign_in_codes.redeem(name="P-uma", code="22222", new_password=NEW_PASSWORD)] * CLICKS)
    row = SignInCode.objects.get()
    assert (row.failed_attempts, row.withdrawn_at) == (CLICKS, None)
    assert sign_in_codes.redeem(name="P-uma", code=code, new_password=NEW_PASSWORD)


def test_withdrawing_and_redeeming_at_once_is_one_of_both(office: Office) -> None:
    asked = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    code = sign_in_codes.make(actor=office.rita, code_id=asked.pk)
    results = together(
        lambda: sign_in_codes.withdraw(actor=office.rolf, code_id=asked.pk),
        lambda: sign_in_codes.redeem(name="P-uma", code=code, new_password=NEW_PASSWORD),
    )
    assert succeeded(results) == 1
    assert Account.objects.exists() == isinstance(results[1], Account)
