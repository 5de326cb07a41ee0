"""All tokens of a person are revoked at once, and which encryption certificates are among them."""

from collections.abc import Iterable

import pytest

from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    Certificate,
    CertificateProfile,
    OutgoingMail,
    Person,
    RequestKind,
    SoftwareToken,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.revocation.revoke_all import revoke_all
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
LOST = RevocationReason.KEY_COMPROMISE


@pytest.fixture
def tokens(company: Company) -> dict[str, SoftwareToken]:
    """Three of one person, in use: to sign in, to sign and decrypt, to decrypt."""
    wanted = [
        cast.token_type("vpn"),
        cast.token_type("mail", profiles=("signer", "cipher")),
        cast.token_type("archive", profiles=("cipher",)),
    ]
    request = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, *wanted)))
    for token in cast.delivered(request).tokens.all():
        cast.noted(token)
    CertificateProfile.objects.filter(code="cipher").update(purpose="encryption")
    return {each.type_code: each for each in SoftwareToken.objects.all()}


def decided(rows: Iterable[Certificate]) -> set[str]:
    return {f"{row.token.type_code} {row.profile.code}" for row in rows if row.revocation_decided_at}


def certificates() -> list[Certificate]:
    return list(Certificate.objects.select_related("token", "profile"))


def state_of(token: SoftwareToken) -> str:
    return str(SoftwareToken.objects.values_list("state", flat=True).get(pk=token.pk))


def test_an_imported_encryption_certificate_stays_without_its_box(company: Company) -> None:
    """Its owner has the key since before; nobody has acknowledged anything here."""
    token = company.request_in("completed").tokens.get()
    CertificateProfile.objects.update(purpose="encryption")
    SoftwareToken.objects.update(kind=RequestKind.IMPORT, acknowledged_at=None)
    row = Certificate.objects.select_related("token", "profile").get()
    assert row.may_outlive_token
    assert list(Certificate.objects.may_outlive_token()) == [row]
    with pytest.raises(Stale):
        revoke_all(actor=company.uma, person_id=company.uma.pk, reason=RevocationReason.KEY_COMPROMISE)
    assert Certificate.objects.get().revocation_decided_at is None
    assert token.pk == row.token_id


def test_without_a_tick_no_encryption_certificate_is_revoked(
    company: Company, tokens: dict[str, SoftwareToken]
) -> None:
    revoke_all(actor=company.uma, person_id=company.uma.pk, reason=LOST)

    assert decided(certificates()) == {"vpn client", "mail signer"}
    assert {code: state_of(token) for code, token in tokens.items()} == {
        "vpn": "revoked",
        "mail": "revoked",
        "archive": "active",
    }
    mail = OutgoingMail.objects.get(message="tokens_revoked")
    assert mail.person == company.uma
    assert "VPN" in mail.body_text
    assert "ARCHIVE" not in mail.body_text


def test_those_that_are_ticked_are_revoked_too_and_only_once(
    company: Company, tokens: dict[str, SoftwareToken]
) -> None:
    also = [row.pk for row in certificates() if row.profile.code == "cipher"]
    ended = revoke_all(actor=company.ada, person_id=company.uma.pk, reason=LOST, encryption=also)
    assert {token.pk for token in ended} == {token.pk for token in tokens.values()}
    assert len(decided(certificates())) == 4
    with pytest.raises(Stale):
        revoke_all(actor=company.ada, person_id=company.uma.pk, reason=LOST, encryption=also)


def test_what_lives_on_can_be_revoked_later(company: Company, tokens: dict[str, SoftwareToken]) -> None:
    revoke.revoke_token(actor=company.uma, token_id=tokens["mail"].pk, reason=LOST)
    assert decided(certificates()) == {"mail signer"}
    assert SoftwareToken.objects.alive().filter(pk=tokens["mail"].pk).exists()

    with pytest.raises(NotPossible) as refused:
        revoke.revoke_token(actor=company.uma, token_id=tokens["mail"].pk, reason=LOST)
    assert refused.value.field == "encryption"
    left = tokens["mail"].certificates.get(profile__code="cipher")
    revoke.revoke_token(actor=company.uma, token_id=tokens["mail"].pk, reason=LOST, encryption=[left.pk])
    assert decided(certificates()) == {"mail signer", "mail cipher"}


def test_a_key_that_nobody_has_is_not_kept(company: Company, tokens: dict[str, SoftwareToken]) -> None:
    SoftwareToken.objects.filter(pk=tokens["mail"].pk).update(acknowledged_at=None)
    revoke.revoke_token(actor=company.uma, token_id=tokens["mail"].pk, reason=LOST)
    assert decided(certificates()) == {"mail signer", "mail cipher"}


def test_leave_and_lock_reach_what_lives_on(company: Company, tokens: dict[str, SoftwareToken]) -> None:
    revoke.revoke_token(actor=company.uma, token_id=tokens["mail"].pk, reason=LOST)
    living = tokens["mail"].certificates.get(profile__code="cipher")

    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="away")
    assert Certificate.objects.get(pk=living.pk).hold_wanted
    leave_and_return.lock(actor=company.rita, person_id=company.uma.pk, reason=LOST)
    assert Certificate.objects.get(pk=living.pk).revocation_decided_at
    assert state_of(tokens["mail"]) == "revoked"


def test_nobody_else_can(company: Company, tokens: dict[str, SoftwareToken]) -> None:
    stranger: Person = cast.person("nina")
    with pytest.raises(NotAllowed):
        revoke_all(actor=stranger, person_id=company.uma.pk, reason=LOST)
    with pytest.raises(NotAllowed):
        revoke_all(actor=company.rita, person_id=company.uma.pk, reason=LOST)
    assert decided(certificates()) == set()


def test_another_ones_certificate_in_the_form_is_not_touched(
    company: Company, tokens: dict[str, SoftwareToken]
) -> None:
    other = cast.person("nina")
    request = cast.issued(cast.accepted(cast.enabled(company.ada, other, cast.token_type("vpn"))))
    foreign = cast.delivered(request).tokens.get().certificates.get()
    revoke_all(actor=company.uma, person_id=company.uma.pk, reason=LOST, encryption=[foreign.pk])
    assert Certificate.objects.get(pk=foreign.pk).revocation_decided_at is None
