"""How a person will sign in to Self-Service: each way, several, a code, and nothing; in one statement."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.connection import registry
from identity_manager.models import Account, Certificate, CertificateProfile, Person, SignInCode
from identity_manager.people.sign_in import prediction, sso_provider
from identity_manager.workflow.people import sign_in_codes
from tests.identity_manager.account.sign_in.conftest import Office, account
from tests.tools import cast

NEEDS_CODE, SHUT_OUT = str(prediction.NEEDS_CODE), str(prediction.SHUT_OUT)


@pytest.fixture(autouse=True)
def _settings(settings: Settings) -> None:
    settings.SSO_PROVIDERS, settings.SAML_PROVIDERS, settings.CERTIFICATE_BASE_URL = {}, {}, ""
    serve(settings, "password", "passkey", "sso", "saml", "certificate")


def serve(settings: Settings, *ways: str) -> None:
    settings.SIGN_IN_METHODS = {"console": ["password"], "selfservice": list(ways)}


def trust(settings: Settings, field: str = "upn") -> None:
    given = {
        "name": "Corporation",
        "server_url": "https://idp.example.com",
        "client_id": "im",
        "claim": "upn",
        "field": field,
    }
    parsed = sso_provider.parse("corp", given, secret="s", roles=frozenset())
    settings.SSO_PROVIDERS = {"corp": parsed}


def said(person: Person) -> str:
    return str(prediction.predict([person])[person.pk])


def test_who_has_nothing_needs_a_code(office: Office) -> None:
    assert said(office.uma) == NEEDS_CODE
    assert prediction.predict([office.uma])[office.uma.pk].needs_code


def test_a_password_that_is_set(office: Office) -> None:
    hers = account(office.uma)
    assert said(office.uma) == "Signs in with a password."

    hers.set_unusable_password()
    hers.save()
    assert said(office.uma) == NEEDS_CODE


def test_single_sign_on_that_will_find_the_person_or_has(office: Office, settings: Settings) -> None:
    trust(settings)
    assert said(office.uma) == "Signs in with Corporation (by user principal name)."

    SocialAccount.objects.create(user=account(office.uma, None), provider="corp", uid="1")
    assert said(office.uma) == "Signs in with Corporation (linked)."
    settings.SSO_PROVIDERS = {}
    assert said(office.uma) == NEEDS_CODE


def test_single_sign_on_does_not_find_who_lacks_the_field(office: Office, settings: Settings) -> None:
    trust(settings, "external_id")
    assert said(office.uma) == NEEDS_CODE

    serve(settings, "sso")
    assert said(office.uma) == SHUT_OUT


def test_an_emergency_account_is_not_linked(office: Office, settings: Settings) -> None:
    trust(settings)
    Account.objects.filter(pk=account(office.uma, None).pk).update(is_break_glass=True)
    assert said(office.uma) == NEEDS_CODE


PASSKEY = "Signs in with a passkey."


@pytest.mark.parametrize(
    ("properties", "words"),
    [({"rk": True}, PASSKEY), ({}, PASSKEY), ({"rk": None}, PASSKEY), ({"rk": False}, NEEDS_CODE)],
)
def test_a_passkey_that_can_sign_in_alone(office: Office, properties: Any, words: str) -> None:
    data = {"credential": {"clientExtensionResults": {"credProps": properties}}}
    Authenticator.objects.create(user=account(office.uma, None), type="webauthn", data=data)
    assert said(office.uma) == words


@pytest.fixture
def certificate(office: Office, settings: Settings) -> Certificate:
    settings.CERTIFICATE_BASE_URL = "https://certificates.example.com"
    settings.CERTIFICATE_CAS = tuple(registry.connector("corporate").chain())
    request = cast.delivered(cast.issued(cast.accepted(cast.enabled(cast.person("ada"), office.uma))))
    return cast.noted(request.tokens.get()).certificates.get()


def test_a_client_certificate(office: Office, settings: Settings, certificate: Certificate) -> None:
    assert said(office.uma) == NEEDS_CODE  # there is no account behind it
    account(office.uma, None)
    assert said(office.uma) == "Signs in with a client certificate."

    CertificateProfile.objects.filter(pk=certificate.profile_id).update(extended_key_usage=[])
    assert said(office.uma) == NEEDS_CODE


def test_a_client_certificate_that_does_not_sign_in(
    office: Office, settings: Settings, certificate: Certificate
) -> None:
    account(office.uma, None)
    Certificate.objects.update(hold_wanted=True)
    assert said(office.uma) == NEEDS_CODE
    Certificate.objects.update(hold_wanted=False)
    assert said(office.uma) != NEEDS_CODE
    settings.CERTIFICATE_CAS = ()
    assert said(office.uma) == NEEDS_CODE


def test_several_ways_are_all_named(office: Office, settings: Settings) -> None:
    trust(settings)
    account(office.uma)
    assert said(office.uma) == "Signs in with Corporation (by user principal name), a password."


def test_only_what_the_portal_takes_counts(office: Office, settings: Settings) -> None:
    account(office.uma)
    serve(settings, "passkey")
    assert said(office.uma) == SHUT_OUT


def test_a_code_counts_while_it_works(office: Office, settings: Settings) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    assert said(office.uma) == NEEDS_CODE
    sign_in_codes.make(actor=office.rita, code_id=code.pk)
    assert said(office.uma) == "Signs in with a sign-in code, which is made already."

    SignInCode.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert said(office.uma) == NEEDS_CODE


def test_a_code_that_is_overtaken_does_not_count(office: Office) -> None:
    code = sign_in_codes.ask(actor=office.rita, person_id=office.uma.pk)
    sign_in_codes.make(actor=office.rita, code_id=code.pk)
    Account.objects.filter(pk=account(office.uma, None).pk).update(last_login=timezone.now())
    assert said(office.uma) == NEEDS_CODE


def test_a_closed_account_opens_nothing(office: Office, settings: Settings) -> None:
    trust(settings)
    Account.objects.filter(pk=account(office.uma).pk).update(is_active=False)
    assert said(office.uma) == SHUT_OUT


def test_a_user_name_that_is_taken_shuts_out(office: Office, settings: Settings) -> None:
    trust(settings)
    Account.objects.create_account(username="P-uma", person=office.rolf, password=None)
    assert said(office.uma) == SHUT_OUT


def test_a_page_of_persons_is_one_statement(
    office: Office, settings: Settings, django_assert_num_queries: Any
) -> None:
    trust(settings)
    persons = [office.uma, office.rita, office.rolf]
    with django_assert_num_queries(1):
        assert set(prediction.predict(persons)) == {each.pk for each in persons}


def test_who_needs_a_code_is_the_same_for_many(office: Office, settings: Settings) -> None:
    account(office.rolf)
    sign_in_codes.make(
        actor=office.rolf, code_id=sign_in_codes.ask(actor=office.rolf, person_id=cast.person("nina").pk).pk
    )
    everybody = list(Person.objects.all())
    predicted = prediction.predict(everybody)
    needing = prediction.needing_code(Person.objects.all(), now=timezone.now())
    assert set(needing) == {each for each in everybody if predicted[each.pk].needs_code}
    assert set(needing) == {office.uma, office.rita}
