"""Whom a verified identifier means, in every database."""

from collections.abc import Mapping
from typing import Any

import pytest

from identity_manager.models import Account, AuditEvent, Person
from identity_manager.people.sign_in import single_sign_on, sso_provider
from identity_manager.transactions.refusals import Refused
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]


def signed_in_with(field: str, identifier: str) -> Account:
    said = {"name": "Example login", "server_url": "https://login.example.com", "client_id": "im"}
    provider = sso_provider.parse(
        "corp", {**said, "claim": "name", "field": field}, secret="", roles=frozenset()
    )
    claims = {"sub": "17", "name": identifier, "email_verified": True}
    return single_sign_on.sign_in(provider=provider, claims=claims)


@pytest.mark.parametrize("field", ["upn", "email"])
def test_capitals_do_not_matter(field: str) -> None:
    nina = cast.person("nina", upn="nina@corp.example.com", email="nina@corp.example.com")
    assert signed_in_with(field, "NINA@corp.Example.com").person == nina


def test_those_who_look_alike_hide_nobody() -> None:
    """Rows of a time when look-alikes were not refused: the key of the UPN is the first one's alone."""
    for name in ("kirsti", "k\u0131rsti", "kirst\u0131"):
        row = cast.person(name, upn="", sid="")
        Person.objects.filter(pk=row.pk).update(upn=f"{name}@corp.example.com")
    assert signed_in_with("upn", "kirsti@corp.example.com").person.upn == "kirsti@corp.example.com"


@pytest.mark.parametrize("field", ["upn", "email"])
@pytest.mark.parametrize("identifier", ["nına@corp.example.com", "nina@corp.example.com\u0307", "nina@ﬁ.com"])
def test_what_only_looks_alike_is_somebody_else(field: str, identifier: str) -> None:
    cast.person("nina", upn="nina@corp.example.com", email="nina@corp.example.com")
    with pytest.raises(Refused) as refused:
        signed_in_with(field, identifier)
    assert refused.value.reason == single_sign_on.NOBODY
    assert not Account.objects.exists()


def test_two_first_sign_ins_at_once_are_one_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one has looked for the link before the first one has made it, and waits for the person."""
    nina = cast.person("nina", upn="nina@corp.example.com")
    find = single_sign_on._person_of

    def waited_for(provider: sso_provider.SsoProvider, claims: Mapping[str, Any]) -> Person:
        monkeypatch.setattr(single_sign_on, "_person_of", find)
        signed_in_with("upn", "nina@corp.example.com")
        return find(provider, claims)

    monkeypatch.setattr(single_sign_on, "_person_of", waited_for)

    assert signed_in_with("upn", "nina@corp.example.com") == Account.objects.get(person=nina)
    assert AuditEvent.objects.filter(name="account.linked").count() == 1
