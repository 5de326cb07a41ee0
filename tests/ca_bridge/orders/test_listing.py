"""What a CA has issued is compared with the journal: what counts as unknown, and what does not."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography import x509
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.connectors.embedded.issued_files import IssuedFiles
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import (
    IssuedPage,
    KeptCertificate,
    KeyAlgorithm,
)
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.models import CaOrder
from ca_bridge.orders import listing
from ca_bridge.x509.certificates import describe
from tests.ca_bridge import scripted
from tests.ca_bridge.scripted import Issuance, ScriptedConnector, issued

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


class TellingConnector(ScriptedConnector):
    """Names what a test has put into it."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.held: dict[int, KeptCertificate] = {}
        self.shown: list[int] = []

    def hold(self, *certificates: bytes, revoked: bool = False) -> None:
        self.held |= {describe(each).serial: KeptCertificate(each, revoked) for each in certificates}

    def list_issued(self, since: datetime, cursor: str) -> IssuedPage:
        return IssuedPage(tuple(self.held))

    def kept(self, serial: int) -> KeptCertificate | None:
        self.shown.append(serial)
        return self.held.get(serial)


@pytest.fixture
def ca(settings: Any) -> Any:
    alias = str(uuid4())
    settings.CA_CONNECTORS = {alias: {"CONNECTOR": f"{__name__}.TellingConnector"}}
    connector: Any = registry.connector(alias)
    connector.alias = alias
    return connector


@pytest.fixture
def order(ca: Any, prepared: Any) -> CaOrder:
    ca.script.append(issued())
    order = prepared(ca=ca.alias)
    return issuing.record(order.pk, issuing.ask(order.pk))


def unknown(ca: Any, since: datetime | None = None) -> list[bytes]:
    compared = listing.compare(ca.alias, since or timezone.now() - timedelta(days=1), "")
    return [each.certificate for each in compared.unknown]


def test_what_an_order_has_brought_is_known_and_not_even_fetched(ca, order):
    ca.hold(order.certificate)
    assert unknown(ca) == []
    assert ca.shown == []


def test_what_no_order_has_brought_is_unknown(ca, order, prepared):
    other = prepared(ca=ca.alias)
    lost = scripted.sign(other.request)
    CaOrder.objects.filter(pk=other.pk).delete()
    ca.hold(order.certificate, lost)
    (found,) = listing.compare(ca.alias, timezone.now() - timedelta(days=1), "").unknown
    assert (found.certificate, found.order) == (lost, None)


def test_the_order_that_has_its_key_is_named(ca, prepared):
    waiting = prepared(ca=ca.alias)
    ca.hold(scripted.sign(waiting.request))
    (found,) = listing.compare(ca.alias, timezone.now() - timedelta(days=1), "").unknown
    assert found.order == waiting


def test_what_waits_as_surplus_is_known(ca, order):
    late = scripted.sign(order.request)
    listing.flag_surplus(order, late)
    ca.hold(late)
    assert unknown(ca) == []


def test_what_is_revoked_or_was_let_go_of_concerns_nobody(ca, order):
    ca.hold(scripted.sign(order.request), revoked=True)
    ca.held[5] = KeptCertificate(b"", revoked=False)
    ca.held[6] = KeptCertificate(b"no certificate", revoked=False)
    assert unknown(ca) == []


@pytest.mark.parametrize(
    "how",
    [
        Issuance(add=((x509.BasicConstraints(ca=True, path_length=None), True),)),
        Issuance(
            drop=("2.5.29.37",),
            add=((x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.OCSP_SIGNING]), False),),
        ),
        Issuance(ca=scripted.make_ca("Another issuing CA")),
        Issuance(not_before=datetime(2026, 1, 1, tzinfo=UTC)),
    ],
    ids=["of a CA", "of an OCSP signer", "of another CA of the same server", "from before"],
)
def test_what_is_no_persons_or_not_of_that_time(ca, prepared, how):
    lost = prepared(ca=ca.alias)
    if how.add and isinstance(how.add[0][0], x509.BasicConstraints):
        how = Issuance(drop=("2.5.29.19", "2.5.29.15"), add=how.add)
    ca.hold(scripted.sign(lost.request, how))
    CaOrder.objects.filter(pk=lost.pk).delete()
    assert unknown(ca) == []


def test_a_ca_lacks_what_it_does_not_hold(ca, order, prepared):
    assert listing.lacks(ca.alias, order)
    ca.hold(order.certificate)
    assert not listing.lacks(ca.alias, order)
    assert not listing.lacks(ca.alias, prepared(ca=ca.alias)), "which has brought nothing"


def test_what_an_earlier_ca_of_the_alias_issued_is_not_asked_for(ca, order):
    CaOrder.objects.filter(pk=order.pk).update(issuer="CN=Before")
    assert not listing.lacks(ca.alias, CaOrder.objects.get())
    assert ca.shown == []


def test_a_ca_that_does_not_tell_cannot_be_compared(settings):
    settings.CA_CONNECTORS = {"mute": {"CONNECTOR": "tests.ca_bridge.scripted.ScriptedConnector"}}
    assert not listing.tells("mute")
    with pytest.raises(CaError, match="cannot be compared") as error:
        listing.compare("mute", timezone.now(), "")
    assert error.value.permanent
    assert "after a restore it cannot be compared" in " ".join(registry.limits("mute"))


def test_what_breaks_is_a_fault_that_passes(ca, monkeypatch):
    monkeypatch.setattr(TellingConnector, "list_issued", lambda *_args: 1 / 0)
    with pytest.raises(CaError) as error:
        listing.compare(ca.alias, timezone.now(), "")
    assert not error.value.permanent


def test_the_embedded_ca_writes_down_what_it_issues_and_revokes_what_its_register_has_lost(
    embedded_ca, prepared
):
    order = prepared()
    answer = embedded_ca.issue(order.request)
    serial = describe(answer.certificate).serial
    IssuedCertificate.objects.all().delete()
    again = embedded_ca.issue(order.request)
    assert again.certificate != answer.certificate, "one key may have two, once the register was put back"
    assert serial in embedded_ca.list_issued(timezone.now(), "").serials
    assert embedded_ca.kept(serial) == KeptCertificate(answer.certificate, revoked=False)
    embedded_ca.revoke(answer.certificate, issuing.RevocationReason.SUPERSEDED)
    assert embedded_ca.kept(serial).revoked
    embedded_ca.forget(answer.certificate)
    assert serial not in embedded_ca.list_issued(timezone.now(), "").serials


def test_the_embedded_ca_takes_no_foreign_file_for_its_own(embedded_ca, prepared):
    """Whoever can write there cannot have the register name what this CA has not signed."""
    foreign = scripted.sign(prepared().request)
    embedded_ca._files.add(x509.load_der_x509_certificate(foreign))
    with pytest.raises(CaError) as error:
        embedded_ca.revoke(foreign, issuing.RevocationReason.SUPERSEDED)
    assert error.value.permanent
    embedded_ca._files.forget(describe(foreign).serial)


def test_a_directory_that_cannot_be_written_keeps_nobody_waiting(
    embedded_ca, prepared, monkeypatch, tmp_path
):
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setattr(embedded_ca, "_files", IssuedFiles(tmp_path / "file"))
    assert describe(embedded_ca.issue(prepared(key=keys.generate(KeyAlgorithm.EC_P256)).request).certificate)
    with pytest.raises(CaError, match="no files of what it issued") as error:
        embedded_ca.list_issued(timezone.now(), "")
    assert error.value.permanent


def test_files_older_than_any_backup_go(tmp_path, embedded_ca, prepared):
    files = IssuedFiles(tmp_path)
    certificate = x509.load_der_x509_certificate(embedded_ca.issue(prepared().request).certificate)
    files.add(certificate)
    (old,) = (tmp_path / "issued").glob("*-*-*")
    files.forget_old()
    assert files.find(certificate.serial_number)
    old.rename(old.with_name("2020-01-01"))
    files.forget_old()
    assert files.find(certificate.serial_number) is None
