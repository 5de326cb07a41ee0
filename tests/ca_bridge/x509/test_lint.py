"""The linter, in process: what it finds, in a draft and in what came back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.contract import CertificateOrder
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from ca_bridge.x509 import csr as certification_request
from ca_bridge.x509 import lint
from tests.ca_bridge.scripted import Issuance, sign


@pytest.fixture
def order(content, validity, key) -> CertificateOrder:
    csr = certification_request.build(content, key)
    return CertificateOrder("1", csr, content, "", validity.not_before, validity.not_after)


AKI, USAGE = "2.5.29.35", "2.5.29.15"


def test_a_good_certificate_is_clean(order):
    assert lint.errors(sign(order)) == ()


RSA_ONLY = certification_request.key_usage(("digitalSignature", "keyEncipherment"))
BAD_NAME = x509.IssuerAlternativeName([x509.DNSName("under_score_-.")])


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (Issuance(drop=(AKI,)), "pkix.authority_key_identifier_extension_absent"),
        (Issuance(add=((BAD_NAME, False),)), "pkix.invalid_domain_name_syntax"),
        (Issuance(drop=(USAGE,), add=((RSA_ONLY, True),)), "pkix.key_usage_value_prohibited_for_ec"),
    ],
)
def test_errors_are_found(order, how, code):
    assert code in " ".join(lint.errors(sign(order, how)))


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"0\x03\x02\x01\x05"])
def test_what_is_no_certificate(garbage):
    assert lint.errors(garbage)


def test_findings_have_severity_and_code(order):
    found = lint.findings(sign(order))
    assert {finding.severity for finding in found} <= {"WARNING", "NOTICE", "INFO"}
    assert all(finding.code for finding in found)


def test_threads_lint_at_once(order):
    good, bad = sign(order), sign(order, Issuance(drop=(AKI,)))
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lint.errors, [good, bad] * 40))
    assert results == [(), lint.errors(bad)] * 40


@pytest.mark.parametrize(
    ("uri", "is_error"),
    [
        ("http://localhost:8000/pki/corporate.crl", False),
        ("http://pki/corporate.crl", False),
        ("http://pki.example.com/corporate.crl", False),
        ("tag:microsoft.com,2022-09-14:sid:S-1-5-18", False),
        ("http:///corporate.crl", True),
        ("http://-/a b", True),
        ("nonsense", True),
        ("/pki/corporate.crl", True),
    ],
)
def test_uris(order, uri, is_error):
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(uri)], None, None, None)
    how = Issuance(add=((x509.CRLDistributionPoints([point]), False),))
    assert bool(lint.errors(sign(order, how))) is is_error


def test_the_embedded_mode_publishes_on_localhost(settings, ca_options, db, prepared):
    """The linter must not stand in the way of `make run`."""
    options = ca_options | {"publication_url": "http://localhost:8000/pki"}
    settings.CA_CONNECTORS["corporate"]["OPTIONS"] = options
    order = prepared()
    assert issuing.record(order.pk, issuing.ask(order.pk)).state == CaOrder.State.ISSUED


def test_a_draft_with_errors_is_never_signed(embedded_ca, prepared, monkeypatch, order):
    bad = sign(order, Issuance(drop=(AKI,)))
    monkeypatch.setattr(type(registry.connector("corporate")), "draft", lambda self, order: bad)
    with pytest.raises(CaError, match="would break the rules") as caught:
        prepared()
    assert caught.value.permanent
    assert "authority_key_identifier" in caught.value.detail
    assert not CaOrder.objects.exists()
