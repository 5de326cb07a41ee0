"""Several tokens are revoked at once, as a batch order has it: each by the rules of the single page."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ca_bridge.connection import registry
from ca_bridge.contract import RevocationReason
from identity_manager import queue
from identity_manager.models import (
    AuditEvent,
    Certificate,
    CertificateProfile,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import revoke
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


def tokens_of(company: Company, person: Person, *types: str) -> list[SoftwareToken]:
    """Sealed tokens of one request, whose passphrases were not noted."""
    wanted = [cast.token_type(code, profiles=(f"for-{code}",)) for code in types]
    request = cast.issued(cast.accepted(cast.enabled(company.ada, person, *wanted)))
    return list(request.tokens.order_by("pk"))


def revoked(actor: Person, *tokens: SoftwareToken, with_encryption: bool = False) -> dict[object, str]:
    refused = revoke.revoke_tokens(
        actor=actor,
        token_ids=[each.pk for each in tokens],
        reason=RevocationReason.SUPERSEDED,
        with_encryption=with_encryption,
    )
    return {pk: reason.code for pk, reason in refused.items()}


def events(*tokens: SoftwareToken) -> list[str]:
    rows = AuditEvent.objects.filter(token__in=[each.pk for each in tokens])
    wanted = ("token.revoked", "certificate.revocation-decided", "passphrase.destroyed")
    return sorted(rows.filter(name__in=wanted).values_list("name", flat=True))


def states(*tokens: SoftwareToken) -> list[str]:
    rows = SoftwareToken.objects.filter(pk__in=[each.pk for each in tokens])
    return list(rows.order_by("pk").values_list("state", flat=True))


def test_tokens_of_one_request_end_with_it_each_event_once(company: Company) -> None:
    first, second = tokens_of(company, company.uma, "vpn", "mail")

    assert revoked(company.ada, first, second) == {}

    assert states(first, second) == ["revoked", "revoked"]
    first.request.refresh_from_db()
    assert first.request.state == "completed"
    one = ["certificate.revocation-decided", "passphrase.destroyed", "token.revoked"]
    assert events(first, second) == sorted([*one, *one])
    assert not Certificate.objects.exclude(private_key_wrapped=None).exists()
    assert Certificate.objects.filter(revocation_reason="superseded").count() == 2


def test_one_that_is_refused_stays_and_the_others_are_revoked(company: Company) -> None:
    (first,) = tokens_of(company, company.uma, "vpn")
    (only_encryption,) = tokens_of(company, company.sam, "cipher")
    cast.delivered(only_encryption.request)
    cast.noted(only_encryption)
    (over,) = tokens_of(company, company.uma, "mail")
    CertificateProfile.objects.filter(code="for-cipher").update(purpose="encryption")
    revoke.revoke_token(actor=company.uma, token_id=over.pk, reason=RevocationReason.SUPERSEDED)

    assert revoked(company.ada, first, only_encryption, over) == {
        only_encryption.pk: revoke.ONLY_ENCRYPTION.code,
        over.pk: revoke.NOT_IN_USE.code,
    }
    assert states(first) + states(only_encryption) == ["revoked", "active"]
    assert revoked(company.ada, only_encryption, with_encryption=True) == {}
    assert states(only_encryption) == ["revoked"]


def test_a_stranger_and_an_administrator_of_another_unit_revoke_nothing(company: Company) -> None:
    (first,) = tokens_of(company, company.uma, "vpn")
    south = cast.person("south", roles=())
    south.roles.create(role="token-administrator", organisational_unit="Sud")

    for actor in (company.sam, south):
        assert revoked(actor, first) == {first.pk: eligibility.NOT_ADMINISTRATOR.code}
    assert states(first) == ["sealed"]


def test_more_tokens_are_not_more_statements(company: Company) -> None:
    few = [tokens_of(company, cast.person(f"few{n}", sid=""), "vpn")[0] for n in range(2)]
    many = [tokens_of(company, cast.person(f"many{n}", sid=""), "vpn")[0] for n in range(6)]
    SoftwareToken.objects.update(state="active")
    TokenRequest.objects.update(state="completed")

    counted = []
    for lot in (few, many):
        with CaptureQueriesContext(connection) as queries:
            assert revoked(company.ada, *lot) == {}
        counted.append(len(queries))
    assert counted[0] == counted[1], counted


@pytest.mark.parametrize(("together", "messages"), [(True, 2), (False, 12)])
def test_of_many_at_a_ca_that_revokes_several_some_have_a_message(
    company: Company, monkeypatch: pytest.MonkeyPatch, *, together: bool, messages: int
) -> None:
    many = tokens_of(company, company.uma, *(f"type{n}" for n in range(12)))
    sent: list[object] = []
    monkeypatch.setattr(queue, "after_commit", lambda _task, pk: sent.append(pk))
    monkeypatch.setattr(registry, "revokes_together", lambda _alias: together)

    assert revoked(company.ada, *many) == {}
    assert len(sent) == messages
    assert Certificate.objects.to_be_revoked().count() == 12
