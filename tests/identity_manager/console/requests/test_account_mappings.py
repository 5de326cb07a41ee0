"""What maps a certificate to an account in Entra ID stands on the request's page, to be copied."""

from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from ca_bridge.x509 import strong_mapping
from identity_manager.models import Certificate
from tests.tools import cast
from tests.tools.sign_in import signed_in


def page(browser: Client, certificate: Certificate) -> str:
    return browser.get(reverse("console:request", args=[certificate.token.request_id])).text


def test_an_administrator_copies_both_values(ada: Client, company: cast.Company) -> None:
    company.request_in("completed")
    certificate = Certificate.objects.select_related("token", "profile").get()
    issuer_and_serial, key_identifier = strong_mapping.of(certificate.der)

    text = page(ada, certificate)

    assert certificate.profile.purpose == "authentication"
    for value in (issuer_and_serial, key_identifier):
        assert escape(value) in text
    assert "certificateUserIds" in text
    assert "certificateUserIds" not in page(signed_in(company.paul), certificate)


def test_what_encrypts_has_none(ada: Client, company: cast.Company) -> None:
    company.request_in("completed")
    certificate = Certificate.objects.select_related("token", "profile").get()
    type(certificate.profile).objects.filter(pk=certificate.profile_id).update(
        purpose="encryption", key_usage=["keyAgreement"]
    )

    assert "certificateUserIds" not in page(ada, certificate)
