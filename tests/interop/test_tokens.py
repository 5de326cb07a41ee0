"""The tokens that the other tests here open are what the road delivers."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from identity_manager.models import Person, SoftwareToken
from tests.interop.conftest import Deliver


def test_a_delivered_token_is_what_a_person_gets(deliver: Deliver, db: None) -> None:
    token = deliver("smime", "ec-p256")

    assert [file.format for file in token.files] == ["compatible", "fips", "standard"] * 2
    assert len({file.name for file in token.files}) == 6
    for file in token.files:
        key, certificate, chain = pkcs12.load_key_and_certificates(file.content, token.passphrase.encode())
        assert certificate == x509.load_der_x509_certificate(file.certificate)
        assert key.public_key() == certificate.public_key()
        assert chain == [x509.load_der_x509_certificate(token.issuer)]
    assert deliver("smime", "ec-p256") is token
    assert not SoftwareToken.objects.exists()
    assert not Person.objects.exists()
