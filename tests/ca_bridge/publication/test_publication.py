"""What everybody may fetch at /pki/."""

import pytest
from cryptography import x509
from django.urls import reverse

from ca_bridge import issuing
from ca_bridge.contract import RevocationReason

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("file_name", "content_type", "load"),
    [
        ("corporate.crl", "application/pkix-crl", x509.load_der_x509_crl),
        ("corporate-root.crl", "application/pkix-crl", x509.load_der_x509_crl),
        ("corporate.crt", "application/pkix-cert", x509.load_der_x509_certificate),
        ("corporate-root.crt", "application/pkix-cert", x509.load_der_x509_certificate),
        ("corporate.pem", "application/x-pem-file", x509.load_pem_x509_certificate),
        ("corporate-root.pem", "application/x-pem-file", x509.load_pem_x509_certificate),
    ],
)
def test_files_are_served_without_sign_in(embedded_ca, client, file_name, content_type, load):
    response = client.get(reverse("pki:file", args=[file_name]))
    assert response.status_code == 200
    assert response["Content-Type"] == content_type
    assert "max-age=60" in response["Cache-Control"]
    assert "public" in response["Cache-Control"]
    assert load(response.content) is not None


def test_the_address_is_the_one_in_the_certificates(embedded_ca):
    assert reverse("pki:file", args=["corporate.crl"]) == "/pki/corporate.crl"


def test_a_revocation_is_published_at_once(embedded_ca, client, prepared):
    order = prepared()
    order = issuing.record(order.pk, issuing.ask(order.pk))
    reason = RevocationReason.KEY_COMPROMISE
    issuing.revoke(ca=order.ca, certificate=order.certificate, reason=reason)
    crl = x509.load_der_x509_crl(client.get("/pki/corporate.crl").content)
    assert [entry.serial_number for entry in crl] == [order.serial]


@pytest.mark.parametrize(
    "file_name",
    [
        "other.crl",
        "corporate.key",
        "corporate",
        "root.key",
        "corporate-root.key",
        ".crl",
        "%2e%2e%2fissuing.key",
    ],
)
def test_everything_else_is_not_found(embedded_ca, client, file_name):
    assert client.get(f"/pki/{file_name}").status_code == 404


def test_a_ca_in_trouble_is_asked_again_later(embedded_ca, client, settings, ca_options, tmp_path):
    options = ca_options | {"passphrase_file": str(tmp_path / "none")}
    settings.CA_CONNECTORS = {"corporate": settings.CA_CONNECTORS["corporate"] | {"OPTIONS": options}}
    response = client.get("/pki/corporate.crl")
    assert response.status_code == 503
    assert response["Retry-After"] == "60"
    assert response["Cache-Control"] == "no-store"
    assert client.get("/pki/corporate.crt").status_code == 200  # no key is needed for it


def test_one_that_is_configured_wrongly_keeps_no_other_from_being_published(embedded_ca, client, settings):
    right = settings.CA_CONNECTORS["corporate"]
    wrong = right | {"OPTIONS": right["OPTIONS"] | {"publication_url": "nowhere"}}
    settings.CA_CONNECTORS = {"wrong": wrong, "corporate": right}
    assert client.get("/pki/corporate.crl").status_code == 200
    assert client.get("/pki/others.crl").status_code == 503


def test_only_reading(embedded_ca, client):
    assert client.head("/pki/corporate.crl").status_code == 200
    assert client.post("/pki/corporate.crl", b"", content_type="text/plain").status_code == 405
    assert client.post("/pki/corporate.crl", {"a": "b"}).status_code == 413
