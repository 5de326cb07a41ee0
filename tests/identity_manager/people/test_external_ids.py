"""Where an identity provider names persons by their external id, it is an identity as e-mail, UPN and SID."""

import dataclasses

import pytest
from pytest_django import Settings

from identity_manager.config.sso import ROLES
from identity_manager.models import IdentityChange, Person, PersonImport, Role
from identity_manager.people import persons
from identity_manager.people.identity import identity_changes
from identity_manager.people.imports import identities
from identity_manager.people.sign_in import single_sign_on, sso_provider
from identity_manager.people.sign_in.sso_provider import SsoProvider
from identity_manager.transactions.refusals import NotAllowed, Refused
from identity_manager.workflow.people import imports
from tests.tools import cast

pytestmark = [pytest.mark.django_db, pytest.mark.database]
GIVEN = {
    "name": "Example login",
    "server_url": "https://login.example.org/staff",
    "client_id": "identity-manager",
    "claim": "oid",
    "field": "external_id",
}
OID = "4711-attacker"
CLAIMS = {"sub": "attacker", "oid": OID}


@pytest.fixture
def provider(settings: Settings) -> SsoProvider:
    row = sso_provider.parse("corp", GIVEN, secret="x", roles=ROLES)
    settings.SSO_PROVIDERS = {"corp": row}
    return row


@pytest.fixture
def rolf(db: None) -> Person:
    """A second Registration Officer."""
    return cast.person("rolf", roles=(Role.REGISTRATION_OFFICER,), sid="")


def edited(actor: Person, who: Person) -> None:
    values = {name: str(getattr(who, name) or "") for name in persons.EDITABLE}
    persons.edit(actor=actor, person_id=who.pk, version=who.version, values={**values, "external_id": OID})


def imported(actor: Person, *lines: str) -> PersonImport:
    head = "personnel_number,given_name,surname,external_id\n"
    row = imports.upload(actor=actor, file_name="x.csv", content=(head + "\n".join(lines)).encode())
    planned = imports.plan_of(row)
    assert planned is not None
    return imports.carry_out(actor=actor, import_id=row.pk, digest=planned.digest, accept_partial=False)


@pytest.mark.parametrize("way", ["by hand", "by a file"])
def test_one_officer_alone_lets_nobody_sign_in_as_another(
    provider: SsoProvider, rolf: Person, way: str
) -> None:
    rita, ada = cast.person("rita"), cast.person("ada", sid="")
    if way == "by hand":
        edited(rita, ada)
    else:
        imported(rita, f"{ada.personnel_number},{ada.given_name},{ada.surname},{OID}")
    with pytest.raises(Refused) as refused:
        single_sign_on.sign_in(provider=provider, claims=CLAIMS)
    assert refused.value.reason == single_sign_on.NOBODY
    change = IdentityChange.objects.get()
    assert [str(label) for label, _old, _new in change.lines] == ["external id"]
    with pytest.raises(NotAllowed):
        identity_changes.confirm(actor=rita, change_id=change.pk)

    identity_changes.confirm(actor=rolf, change_id=change.pk)
    assert single_sign_on.sign_in(provider=provider, claims=CLAIMS).person == ada


def test_of_new_persons_it_waits_on_the_page_of_their_file(provider: SsoProvider, rolf: Person) -> None:
    row = imported(cast.person("rita"), "N-1,Nina,Neu,4711", "N-2,Nora,Neu,4712")
    assert not Person.objects.filter(external_id__startswith="471").exists()
    done = identities.confirm(actor=rolf, import_id=row.pk, digest=identities.digest_of(row))
    assert (done.number, done.left) == (2, [])
    ids = Person.objects.filter(personnel_number__startswith="N-").order_by("personnel_number")
    assert list(ids.values_list("external_id", flat=True)) == ["4711", "4712"]


def test_an_id_of_somebody_else_is_not_confirmed(provider: SsoProvider, rolf: Person) -> None:
    """Else both could not sign in any more: a claim that fits two persons lets in neither."""
    cast.person("uma", external_id=OID)
    ada = cast.person("ada", sid="")
    imported(cast.person("rita"), f"{ada.personnel_number},{ada.given_name},{ada.surname},{OID}")
    with pytest.raises(Refused) as refused:
        identity_changes.confirm(actor=rolf, change_id=IdentityChange.objects.get().pk)
    assert refused.value.reason.code == "taken-meanwhile"


def test_where_no_provider_goes_by_it_one_officer_writes_it(
    provider: SsoProvider, settings: Settings
) -> None:
    settings.SSO_PROVIDERS = {"corp": dataclasses.replace(provider, field="upn")}
    ada = cast.person("ada", sid="")
    edited(cast.person("rita"), ada)
    assert Person.objects.get(pk=ada.pk).external_id == OID
