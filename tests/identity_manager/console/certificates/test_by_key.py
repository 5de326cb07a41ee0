"""The pages of **Revoke by public key**: name the key in any way, read the list, revoke it."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys import keys
from identity_manager.models import BlockedKey, Certificate, Role, SoftwareToken
from tests.tools import cast
from tests.tools.sign_in import signed_in

CHOOSE = reverse("console:revoke-by-key")
SENT = {"reason": "superseded", "note": "a long story"}


@pytest.fixture
def certificate(company: cast.Company) -> Certificate:
    return company.request_in("completed").tokens.get().certificates.get()


def page_of(row: Certificate) -> str:
    return reverse("console:revoke-key", args=[row.public_key_sha256])


def forms_of(row: Certificate) -> dict[str, str | bytes]:
    found = x509.load_der_x509_certificate(row.der)
    key = found.public_key()
    assert row.public_key_sha256
    digits = row.public_key_sha256.upper()
    return {
        "a certificate in PEM": found.public_bytes(Encoding.PEM).decode(),
        "a public key in PEM": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "the fingerprint of the key": row.public_key_sha256,
        "as programs print it": ":".join(digits[at : at + 2] for at in range(0, 64, 2)),
        "the fingerprint of the certificate": row.fingerprint_sha256,
        "a certificate in DER": row.der,
        "a public key in DER": key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    }


def test_the_key_is_named_in_every_form(ada: Client, certificate: Certificate) -> None:
    for form, content in forms_of(certificate).items():
        data = {"text": content} if isinstance(content, str) else {"file": SimpleUploadedFile("a", content)}
        response = ada.post(CHOOSE, data)
        assert (response.status_code, response.get("Location")) == (302, page_of(certificate)), form


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Paste a certificate"),
        ("no key", "This is no certificate"),
        ("ab" * 31, "This is no certificate"),
        ("\x00", "Null characters are not allowed"),
    ],
)
def test_what_is_no_key_is_told_at_the_field(
    ada: Client, certificate: Certificate, text: str, said: str
) -> None:
    response = ada.post(CHOOSE, {"text": text})
    assert response.status_code == 422
    assert said in response.text
    assert text.strip("\x00") in response.text


def test_two_keys_are_too_many(ada: Client, company: cast.Company, certificate: Certificate) -> None:
    other = cast.issued(cast.accepted(cast.enabled(company.ada, cast.person("nina", sid=""), company.vpn)))
    rows = [certificate, other.tokens.get().certificates.get()]
    both = "".join(
        x509.load_der_x509_certificate(row.der).public_bytes(Encoding.PEM).decode() for row in rows
    )
    assert "certificates of several keys" in ada.post(CHOOSE, {"text": both}).text


def test_a_private_key_is_refused_and_not_shown_again(ada: Client) -> None:
    key = keys.generate(KeyAlgorithm.EC_P256)
    pem = keys.to_pkcs8(key).hex()
    text = f"-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----"
    for data in ({"text": text}, {"file": SimpleUploadedFile("key.pem", text.encode())}):
        response = ada.post(CHOOSE, data)
        assert response.status_code == 422
        assert "holds a private key" in response.text
        assert pem not in response.text


def test_from_the_certificate_to_the_list_to_the_end(ada: Client, certificate: Certificate) -> None:
    request = ada.get(reverse("console:request", args=[certificate.token.request_id]))
    link = reverse("console:certificate-revoke-key", args=[certificate.pk])
    assert link in request.text
    shown = ada.get(link, follow=True)
    assert shown.redirect_chain == [(page_of(certificate), 302)]
    assert "Uma Lindqvist" in shown.text
    assert "revoked, with its token" in shown.text
    sent = {"reason": "keyCompromise", "note": "stolen", "seen": shown.context["form"]["seen"].value()}

    done = ada.post(page_of(certificate), sent, follow=True)
    assert "The certificate authorities are told now." in done.text
    assert "This key is blocked" in done.text
    assert SoftwareToken.objects.get().state == "revoked"

    again = ada.post(page_of(certificate), sent)
    assert again.status_code == 409
    assert "has changed since the page was shown" in again.text


def test_a_stale_list_is_shown_anew_with_what_was_typed(ada: Client, certificate: Certificate) -> None:
    response = ada.post(
        page_of(certificate), {"reason": "superseded", "note": "a long story", "seen": "0" * 64}
    )
    assert response.status_code == 409
    assert "a long story" in response.text
    fresh = response.context["form"]["seen"].value()
    ada.post(page_of(certificate), {**SENT, "seen": fresh})
    assert SoftwareToken.objects.get().state == "revoked"
    assert not BlockedKey.objects.exists()


def test_an_administrator_of_another_unit_reads_a_number_and_no_name(certificate: Certificate) -> None:
    south = cast.person("anna", sid="", roles=())
    south.roles.create(role=Role.TOKEN_ADMINISTRATOR, organisational_unit="Sued")
    browser = signed_in(south)
    shown = browser.get(page_of(certificate))
    assert "1 more valid certificate with this key" in shown.text
    assert "Uma" not in shown.text
    refused = browser.post(page_of(certificate), {"reason": "keyCompromise", "note": "x", "seen": "0" * 64})
    assert refused.status_code in (403, 409)
    assert not BlockedKey.objects.exists()
    assert browser.get(reverse("console:certificate-revoke-key", args=[certificate.pk])).status_code == 404


@pytest.mark.parametrize("key", ["ab", "g" * 64, "AB" * 32])
def test_an_address_that_names_no_key(ada: Client, key: str) -> None:
    assert ada.get(reverse("console:revoke-key", args=[key])).status_code == 404
