"""The verbs on second factors: what they change, tell and audit; and what they refuse."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from identity_manager.models import Account, AuditEvent, OutgoingMail
from identity_manager.people.sign_in import second_factors
from identity_manager.people.sign_in.second_factors import MOST_PASSKEYS
from identity_manager.transactions.refusals import Refused
from identity_manager.vault import wrapping as vault
from tests.identity_manager.account.sign_in import factors
from tests.identity_manager.account.sign_in.conftest import account
from tests.identity_manager.workflow.test_races import succeeded, together
from tests.tools import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def uma(db: None) -> Account:
    return account(cast.person("uma"))


def events() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("name", flat=True))


def mails() -> list[str]:
    return list(OutgoingMail.objects.order_by("created_at", "pk").values_list("message", flat=True))


def everything() -> tuple[object, ...]:
    return list(Authenticator.objects.values()), events(), mails()


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.reason.code == code


def test_an_app_is_added_told_and_audited(uma: Account) -> None:
    factors.with_app(uma)
    assert second_factors.has_one(uma)
    assert events() == ["second-factor.added"]
    assert mails() == ["second_factor_added"]
    assert AuditEvent.objects.get().facts == {"kind": "app"}


def test_a_second_app_is_refused(uma: Account) -> None:
    factors.with_app(uma)
    before = everything()
    with refused("has-app"):
        factors.with_app(uma)
    assert everything() == before


def test_neither_secret_nor_seed_lies_in_clear(uma: Account) -> None:
    factors.with_app(uma)
    codes = factors.with_codes(uma)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        stored = str(cursor.fetchall())
    outside = [*OutgoingMail.objects.values_list("body_text", "body_html", "subject")]
    outside += AuditEvent.objects.values_list("facts", flat=True)
    for secret in (factors.SECRET, *codes):
        assert secret not in stored
        assert secret not in str(outside)


def test_a_secret_that_was_moved_to_another_account_opens_nothing(uma: Account) -> None:
    sam = factors.with_app(account(cast.person("sam")))
    row = Authenticator.objects.get(user=sam)
    moved = Authenticator(user=uma, type=row.type, data=row.data)
    assert not second_factors.belongs_to(moved, uma)
    renamed = {"secret": row.data["secret"].replace(str(sam.pk), str(uma.pk))}
    assert second_factors.belongs_to(Authenticator(user=uma, type=row.type, data=renamed), uma)
    with pytest.raises(vault.VaultError):
        second_factors.unwrap(renamed["secret"])


@pytest.mark.parametrize("text", ["", "nonsense", "a:b", "JBSWY3DPEHPK3PXP"])
def test_what_was_never_wrapped_is_no_secret(text: str) -> None:
    with pytest.raises(vault.VaultError):
        second_factors.unwrap(text)


def test_recovery_codes_need_a_factor_that_they_stand_in_for(uma: Account) -> None:
    before = everything()
    with refused("no-factor-yet"):
        factors.with_codes(uma)
    assert everything() == before


def test_new_recovery_codes_replace_the_old_ones(uma: Account) -> None:
    factors.with_app(uma)
    old, new = factors.with_codes(uma), factors.with_codes(uma)
    assert len(set(old) | set(new)) == 20
    assert second_factors.unused_recovery_codes(uma) == 10
    assert second_factors.are_recovery_codes(uma, new)
    assert not second_factors.are_recovery_codes(uma, old)
    assert events()[1:] == ["recovery-codes.made"] * 2
    assert mails()[1:] == ["recovery_codes_made"] * 2


def test_with_the_last_factor_the_recovery_codes_go(uma: Account) -> None:
    factors.with_app(uma)
    factors.with_codes(uma)
    second_factors.remove(actor=uma.person, row_id=Authenticator.objects.get(type="totp").pk)
    assert not Authenticator.objects.exists()
    assert events()[-1] == "second-factor.removed"
    assert mails()[-1] == "second_factor_removed"


def test_anothers_factor_is_not_there(uma: Account) -> None:
    sam = factors.with_app(account(cast.person("sam")))
    row = Authenticator.objects.get(user=sam)
    before = everything()
    for verb in (
        lambda: second_factors.remove(actor=uma.person, row_id=row.pk),
        lambda: second_factors.rename_passkey(actor=uma.person, row_id=row.pk, name="mine"),
    ):
        with refused("no-such-factor"):
            verb()
    assert everything() == before


def test_recovery_codes_are_not_removed_as_a_factor(uma: Account) -> None:
    factors.with_app(uma)
    factors.with_codes(uma)
    codes = Authenticator.objects.get(type="recovery_codes")
    with refused("no-such-factor"):
        second_factors.remove(actor=uma.person, row_id=codes.pk)


def test_more_than_ten_passkeys_are_refused(uma: Account) -> None:
    for number in range(MOST_PASSKEYS):
        Authenticator.objects.create(user=uma, type="webauthn", data={"name": str(number)})
    before = everything()
    with refused("too-many-passkeys"):
        second_factors.add_passkey(actor=uma.person, name="x", credential={}, credential_id=b"x")
    assert everything() == before


def test_the_operator_takes_all_of_them_away(uma: Account) -> None:
    factors.with_app(uma)
    factors.with_codes(uma)
    browser = factors.signed_in(uma, app=True)
    assert second_factors.reset(person_id=uma.person_id) == 1
    assert not Authenticator.objects.exists()
    assert browser.get("/account/").status_code == 302
    last = AuditEvent.objects.order_by("pk").last()
    assert (last.name, last.actor, last.facts) == ("second-factors.reset", None, {"removed": 1})
    assert mails()[-1] == "second_factors_reset"


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_one_adds_the_app(uma: Account) -> None:
    results = together(*[lambda: factors.with_app(uma)] * 4)
    assert succeeded(results) == 1
    assert events() == ["second-factor.added"]


def test_what_is_kept_is_plain_json(uma: Account) -> None:
    factors.with_app(uma)
    json.dumps(Authenticator.objects.get().data)
