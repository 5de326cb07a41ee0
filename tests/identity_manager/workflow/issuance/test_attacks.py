"""Attacks on keys and passphrases under way, by a database writer without the rings of the vault.

Each gives the victim's token, or its certificate, to sam by SQL alone. Whoever is shown a passphrase here has
the key, because the file lies in the same database.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.pkcs12 import passphrase
from identity_manager.config import secret_files
from identity_manager.jobs import key_rotation
from identity_manager.models import ArchivedKey, Certificate, Container, Person, SoftwareToken, TokenRequest
from identity_manager.transactions.refusals import NotPossible
from identity_manager.vault import wrapping as vault
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.wrapping import Purpose, VaultError
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.archive import late_intake
from identity_manager.workflow.step6_passphrase import UNREADABLE
from tests.identity_manager.workflow.archive.test_late_intake import staff, token  # noqa: F401 fixtures
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def give_to(person: Person) -> None:
    """All that says whose it is; no verb, one UPDATE for each table."""
    SoftwareToken.objects.update(person=person)
    TokenRequest.objects.update(person=person)


def sam_sees_nothing(company: Company) -> bool:
    with pytest.raises(NotPossible) as refused:
        cast.shown(SoftwareToken.objects.get(), actor=company.sam)
    return bool(refused.value.reason == UNREADABLE)


def unbound(row: SoftwareToken) -> SoftwareToken:
    """The token with its passphrase wrapped as release 1.0 did."""
    secret = cast.shown(row).encode()
    row.refresh_from_db()
    row.passphrase_wrapped = vault.wrap(secret, purpose=Purpose.PASSPHRASES, record=row.pk)
    row.save()
    return row


def issued_but_not_sealed(company: Company) -> SoftwareToken:
    request = company.request_in("issuing")
    one_step.issue(Certificate.objects.get().pk)
    return request.tokens.get()


def test_a_sealed_token_that_is_given_to_somebody_else_shows_nothing(company: Company) -> None:
    row = company.request_in("issued").tokens.get()
    give_to(company.sam)
    assert sam_sees_nothing(company)
    assert SoftwareToken.objects.get().passphrase_shown == 0

    give_to(company.uma)
    assert cast.shown(row)


def test_a_key_that_waits_for_its_container_is_put_into_none_of_somebody_else(company: Company) -> None:
    row = issued_but_not_sealed(company)
    give_to(company.sam)
    with pytest.raises(VaultError):
        step6_passphrase.seal(token_id=row.pk)
    assert not Container.objects.exists()
    assert SoftwareToken.objects.get().state == "issuing"


def test_a_certificate_that_is_hung_onto_another_token_opens_no_more(company: Company) -> None:
    row = issued_but_not_sealed(company)
    theirs = cast.accepted(cast.enabled(company.ada, company.sam, company.vpn)).tokens.get()
    theirs.certificates.all().delete()
    Certificate.objects.filter(token=row).update(token=theirs)
    SoftwareToken.objects.filter(pk=theirs.pk).update(next_attempt_at=timezone.now())
    with pytest.raises(VaultError):
        step6_passphrase.seal(token_id=theirs.pk)
    assert not Container.objects.exists()


def test_a_token_that_is_given_away_while_a_worker_seals_it(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = issued_but_not_sealed(company)
    generate = passphrase.generate

    def meanwhile() -> str:
        give_to(company.sam)
        return generate()

    monkeypatch.setattr(passphrase, "generate", meanwhile)
    step6_passphrase.seal(token_id=row.pk)
    assert SoftwareToken.objects.get().state == "sealed"
    assert sam_sees_nothing(company)


def test_the_archive_takes_no_key_from_a_token_that_was_given_away(
    company: Company,
    token: SoftwareToken,  # noqa: F811 a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(late_intake, "candidates", SoftwareToken.objects.all)
    monkeypatch.setattr(late_intake.archiving, "are_named", lambda said, profiles: True)
    give_to(company.sam)
    with pytest.raises(VaultError):
        late_intake.archive_token(token.pk)
    assert not ArchivedKey.objects.exists()

    give_to(company.uma)
    assert late_intake.archive_token(token.pk)


def test_what_an_older_release_wrapped_is_shown_to_its_person(company: Company) -> None:
    row = company.request_in("issued").tokens.get()
    secret = cast.shown(row)
    assert cast.shown(unbound(row)) == secret


def test_what_has_an_owner_is_not_taken_for_older(company: Company) -> None:
    """No downgrade: whatever else stands on the row, the tag fails without the owner in the AAD."""
    row = company.request_in("issued").tokens.get()
    wrapped = row.passphrase_wrapped or b""
    for owner in (None, company.sam.pk):
        with pytest.raises(VaultError):
            vault.unwrap(wrapped, purpose=Purpose.PASSPHRASES, record=row.pk, owner=owner, or_unbound=True)


@pytest.mark.parametrize("former", [unbound, lambda row: row], ids=["unbound", "bound"])
def test_key_rotation_binds_to_the_person(
    company: Company,
    former: Callable[[SoftwareToken], SoftwareToken],
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("rings")
    secret_files.make(folder)
    settings.VAULT_KEYS = {each.value: KeyRing.of_files(folder / f"kek-{each.value}") for each in Purpose}
    row = former(company.request_in("issued").tokens.get())
    key_rotation.rotate(actor=None, wait=timedelta(0))
    assert key_rotation.rewrap() == 1
    assert cast.shown(row)
    give_to(company.sam)
    assert sam_sees_nothing(company)
