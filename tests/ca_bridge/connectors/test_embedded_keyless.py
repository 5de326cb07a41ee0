"""A process without the CA's keys and directory: it publishes, answers by OCSP, and signs nothing else."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from django.test import Client
from django.utils import timezone

from ca_bridge.connection import maintenance_needs, registry
from ca_bridge.connectors.embedded import authority, crls, key_store
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import OcspSigner
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.contract import CertificateOrder, Issued, RevocationReason
from ca_bridge.contract_operation import MaintenanceNeed
from ca_bridge.errors import CaError
from tests.ca_bridge.conftest import EMBEDDED

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
OWN = "a passphrase for OCSP signers"
Ordered = Callable[..., CertificateOrder]


class House:
    """An installation: what its workers have, and what its web processes have."""

    def __init__(self, folder: Path, made: dict[str, str]) -> None:
        self.folder = folder
        shutil.copytree(made["directory"], folder / "ca")
        (folder / "ocsp").write_text(OWN)
        self._options = {
            **made,
            "directory": str(folder / "ca"),
            "ocsp_passphrase_file": str(folder / "ocsp"),
        }
        self.worker = EmbeddedConnector(EmbeddedOptions(**self._options))  # type: ignore[arg-type]  # as settings give them

    @property
    def web_options(self) -> dict[str, str]:
        """No passphrase of the CA, and a directory that is not there."""
        return {**self._options, "directory": str(self.folder / "hidden"), "passphrase_file": ""}

    def web(self, **changes: str) -> EmbeddedConnector:
        return EmbeddedConnector(EmbeddedOptions(**{**self.web_options, **changes}))  # type: ignore[arg-type]  # as settings give them


@pytest.fixture
def house(tmp_path: Path, ca_options: dict[str, str]) -> House:
    return House(tmp_path, ca_options)


def issued(house: House, ordered: Ordered) -> x509.Certificate:
    answer = house.worker.issue(ordered())
    assert isinstance(answer, Issued)
    return x509.load_der_x509_certificate(answer.certificate)


def request_about(house: House, certificate: x509.Certificate) -> ocsp.OCSPRequest:
    issuer = x509.load_der_x509_certificate(house.worker.chain()[0])
    return ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA256()).build()


def test_it_serves_crl_certificates_and_ocsp(
    house: House, ordered: Ordered, client: Client, settings: Any
) -> None:
    certificate = issued(house, ordered)
    house.worker.renew_crl_if_due()
    settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": EMBEDDED, "OPTIONS": house.web_options}}
    for name in ("corporate.crl", "corporate-root.crl", "corporate.crt", "corporate-root.pem"):
        assert client.get(f"/pki/{name}").content == (house.worker.published(name) or ("", b""))[1], name
    answer = client.post(
        "/pki/ocsp",
        request_about(house, certificate).public_bytes(Encoding.DER),
        content_type="application/ocsp-request",
    )
    said = ocsp.load_der_ocsp_response(answer.content)
    assert said.certificate_status == ocsp.OCSPCertStatus.GOOD
    assert registry.health("corporate").ok
    assert registry.connector("corporate").chain() == house.worker.chain()
    assert not registry.holds_signing_keys("corporate")


def test_it_can_sign_nothing_else(house: House, ordered: Ordered) -> None:
    """Also where somebody left the directory to it: it has no passphrase."""
    certificate = issued(house, ordered)
    house.worker.renew_crl_if_due()
    web = house.web(directory=str(house.folder / "ca"))
    for act in (
        lambda: web.issue(ordered()),
        lambda: web.revoke(certificate.public_bytes(Encoding.DER), RevocationReason.SUPERSEDED),
        lambda: web.roll_issuing_ca(None),
        lambda: web.sign_root_crl(timedelta(days=1), None),
    ):
        with pytest.raises(CaError):
            act()
    assert web.renew_crl_if_due() is False


def test_a_worker_renews_crl_and_ocsp_signer_in_time(house: House, ordered: Ordered) -> None:
    certificate = issued(house, ordered)
    house.worker.renew_crl_if_due()
    web = house.web()
    first = web.published("corporate.crl")
    with time_machine.travel(timezone.now() + timedelta(days=8), tick=True):
        assert not web.health().ok, "the CRL has ended, and nobody has signed another"
        assert house.worker.renew_crl_if_due()
        assert web.published("corporate.crl") != first
        assert web.health().ok
        said = ocsp.load_der_ocsp_response(web.ocsp(request_about(house, certificate)) or b"")
        assert said.next_update_utc is not None
        assert said.next_update_utc > datetime.now(UTC)


def test_a_new_issuing_ca_is_seen_without_a_restart(
    house: House, ordered: Ordered, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.worker.renew_crl_if_due()
    web = house.web()
    assert web.published("corporate-g2.crl") is None
    house.worker.roll_issuing_ca(None)
    house.worker.renew_crl_if_due()
    monkeypatch.setattr(authority, "_LOOK_SECONDS", 0)
    assert web.published("corporate-g2.crl") is not None
    second = issued(house, ordered)
    assert web.ocsp(request_about(house, second)) is not None


def test_before_a_worker_has_put_anything_there_it_says_so(house: House) -> None:
    with pytest.raises(CaError, match="not been set up yet"):
        house.web().published("corporate.crl")
    assert not house.web().health().ok


# --- the OCSP signer's own passphrase
def test_the_signer_s_key_opens_with_its_own_passphrase_alone(
    house: House, ca_options: dict[str, str]
) -> None:
    house.worker.renew_crl_if_due()
    key = bytes(OcspSigner.objects.get().key)
    assert key_store.decrypt(key, OWN.encode())
    with pytest.raises(ValueError, match="ncorrect password"):
        key_store.decrypt(key, Path(ca_options["passphrase_file"]).read_bytes())


def test_from_the_layout_before_a_worker_leads_over(house: House, ordered: Ordered) -> None:
    """Then the signers were under the passphrase of the CA, which every process had."""
    certificate = issued(house, ordered)
    (house.folder / "ocsp").rename(house.folder / "later")
    house.worker.renew_crl_if_due()
    everywhere = EmbeddedConnector(house.worker.options)  # a web process as it was
    assert everywhere.ocsp(request_about(house, certificate))
    (house.folder / "later").rename(house.folder / "ocsp")
    assert everywhere.ocsp(request_about(house, certificate)), "it opens with either"
    assert EmbeddedConnector(house.worker.options).ocsp(request_about(house, certificate))
    with pytest.raises(CaError):
        house.web().ocsp(request_about(house, certificate))
    assert house.worker.renew_crl_if_due(), "a signer that web processes can open"
    assert house.web().ocsp(request_about(house, certificate))
    assert not house.worker.renew_crl_if_due()


# --- what is to be taken away
def test_what_lies_where_it_need_not_is_said(house: House, tmp_path: Path) -> None:
    house.worker.renew_crl_if_due()
    assert house.worker.due_maintenance() == []
    before = EmbeddedConnector(
        EmbeddedOptions(
            **{
                **house._options,
                "ocsp_passphrase_file": str(tmp_path / "none"),
                "root_key_file": str(tmp_path / "safe" / "root.key"),
            }  # type: ignore[arg-type]  # as settings give them
        )
    )
    assert [each.need for each in before.due_maintenance()] == [
        MaintenanceNeed.ROOT_KEY_HERE,
        MaintenanceNeed.OCSP_SIGNERS,
    ]
    assert all(maintenance_needs.in_words(each) for each in before.due_maintenance())
    assert before.holds_signing_keys()
    (tmp_path / "stick").mkdir()
    before.take_root_offline(tmp_path / "stick" / "root.key", timedelta(days=365))
    assert [each.need for each in before.due_maintenance()] == [MaintenanceNeed.OCSP_SIGNERS]


def test_a_process_that_signs_nothing_knows_when_the_root_s_crl_is_due(house: House, tmp_path: Path) -> None:
    house.worker.renew_crl_if_due()
    assert house.web().due_maintenance() == [], "a job signs it"
    house.worker.take_root_offline(tmp_path / "stick.key", timedelta(days=365))
    assert house.web().due_maintenance() == []
    with time_machine.travel(timezone.now() + timedelta(days=340), tick=True):
        assert [each.need for each in house.web().due_maintenance()] == [MaintenanceNeed.ROOT_CRL]


def test_a_new_ca_of_a_production_has_its_root_s_key_apart(
    tmp_path: Path, ca_options: dict[str, str]
) -> None:
    root_key = tmp_path / "ca-root" / "corporate.key"
    options = {
        **ca_options,
        "directory": str(tmp_path / "new"),
        "name": "new",
        "root_key_file": str(root_key),
    }
    connector = EmbeddedConnector(EmbeddedOptions(**options))  # type: ignore[arg-type]  # as settings give them
    assert connector.initialise()
    assert sorted(path.name for path in (tmp_path / "new").glob("*.key")) == ["issuing.key"]
    assert root_key.stat().st_mode & 0o777 == 0o600
    ends = crls.end("new", authority.ROOT)
    assert ends is not None
    assert ends > timezone.now() + timedelta(days=300), "no job can sign it"
    assert [each.need for each in connector.due_maintenance()] == [MaintenanceNeed.ROOT_KEY_HERE]
    connector.roll_issuing_ca(None)  # from where it waits to be taken away
    root_key.rename(tmp_path / "stick.key")
    assert connector.due_maintenance() == []
    connector.sign_root_crl(timedelta(days=365), tmp_path / "stick.key")
    assert not connector.initialise()
