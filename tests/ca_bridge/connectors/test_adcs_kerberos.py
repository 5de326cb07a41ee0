"""AD CS behind Kerberos, with a real KDC and an acceptor by gssapi: binding to TLS, tickets, troubles."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ca_bridge.connection import http
from ca_bridge.contract import Issued
from ca_bridge.errors import CaError
from tests.ca_bridge.connectors.issuers import HERE, TestCa
from tests.ca_bridge.connectors.meddler import between
from tests.ca_bridge.connectors.servers import adcs_kerberos, kdc

pytestmark = [
    pytest.mark.nightly,  # gssapi is compiled first
    pytest.mark.needs_program(*kdc.PROGRAMS),
    pytest.mark.xdist_group("adcs_kerberos"),
]
CREDENTIALS = "The certificate authority does not take our credentials."


@pytest.fixture
def apart(gssapi, monkeypatch, tmp_path):
    """Pages and a KDC of the test's own; the KDC is not up."""
    with adcs_kerberos.domain(tmp_path) as found:
        monkeypatch.setenv("KRB5_CONFIG", found.kdc.environment["KRB5_CONFIG"])
        yield found


def trouble(connector, order) -> CaError:
    """A passing one, and no word of a key."""
    with pytest.raises(CaError) as fault:
        connector.issue(order)
    assert not fault.value.permanent
    return fault.value


def test_who_sits_between_with_a_certificate_of_its_own_gets_nothing(domain, ordered, tmp_path):
    """Even one that we trust: the server finds that the ticket was bound to another connection."""
    target = int(urlsplit(domain.pages.options["url"]).port)
    other = TestCa("Test AD CS", tmp_path)
    for identity, ca_file, taken in (
        (domain.pages.identity, domain.pages.options["ca_file"], True),
        (other.identity("localhost", of=HERE), other.path, False),
    ):
        with between(target, identity) as meddler:
            url = f"https://localhost:{meddler.port}/certsrv"
            connector = domain.pages.make(url=url, ca_file=ca_file)
            if taken:
                assert isinstance(connector.issue(ordered()), Issued)
            else:
                assert trouble(connector, ordered()).message == CREDENTIALS
            assert meddler.passed > 0


def test_the_server_takes_no_ticket_that_is_bound_to_nothing(domain, monkeypatch, ordered):
    """It is what proves that the others are bound."""
    monkeypatch.setattr(http, "_end_point_of", lambda _connection: b"")
    assert trouble(domain.pages.make(), ordered()).detail == "HTTP 401"


def test_one_ticket_serves_many_calls(domain, ordered):
    connector, before = domain.pages.make(), domain.kdc.tickets()
    for _each in range(3):
        assert connector.health().ok
    assert domain.kdc.tickets() == before + 1


def test_threads_share_the_tickets(domain):
    connector = domain.pages.make()
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _each: connector.health(), range(32)))
    assert all(each.ok for each in found)


def test_while_the_kdc_is_away_it_passes_and_tickets_that_live_are_good(apart, ordered):
    connector = apart.pages.make()
    fault = trouble(connector, ordered())
    assert fault.message == "No Kerberos ticket: the domain controller (KDC) cannot be reached."
    assert "Cannot contact any KDC for realm" in fault.detail
    with apart.kdc.up():
        assert isinstance(connector.issue(ordered()), Issued)
    assert isinstance(connector.issue(ordered()), Issued)
    assert trouble(apart.pages.make(), ordered()).message == fault.message


@pytest.mark.parametrize("keytab", ["former", "another's", "none"])
def test_a_keytab_that_does_not_fit(domain, ordered, keytab, tmp_path):
    file, words = {
        "former": (domain.pages.wrong_credentials["keytab_file"], "does not take the account or its keytab"),
        "another's": (domain.keytab, "has no key of the account"),
        "none": (str(tmp_path / "keytab"), "the keytab cannot be read"),
    }[keytab]
    (tmp_path / "keytab").write_bytes(b"\x05\x02")
    assert words in trouble(domain.pages.make(keytab_file=file), ordered()).message


def test_an_account_that_is_locked_or_gone(domain, ordered):
    keytab = domain.kdc.account("leaver")
    connector = domain.pages.make(principal=f"leaver@{kdc.REALM}", keytab_file=keytab)
    assert connector.health().ok
    for done in (("modprinc", "-allow_tix", "leaver"), ("delprinc", "-force", "leaver")):
        domain.kdc.ask(*done)
        connector = domain.pages.make(principal=f"leaver@{kdc.REALM}", keytab_file=keytab)
        assert "does not take the account" in trouble(connector, ordered()).message


def test_the_service_name_can_be_given(domain, ordered):
    for service in (adcs_kerberos.SERVICE, f"{adcs_kerberos.SERVICE}@{kdc.REALM}"):
        assert domain.pages.make(service=service).health().ok
    fault = trouble(domain.pages.make(service="HTTP/nowhere.example.test"), ordered())
    assert fault.message == "No Kerberos ticket: the domain controller does not know the service name (SPN)."
    assert f"HTTP/nowhere.example.test@{kdc.REALM}" in fault.detail


def test_a_service_with_a_new_key_gets_a_new_ticket_after_it_turned_the_old_one_away(apart, ordered):
    connector = apart.pages.make()
    with apart.kdc.up():
        assert connector.health().ok
        apart.kdc.ask("cpw", "-randkey", adcs_kerberos.SERVICE)
        Path(apart.kdc.keytab(adcs_kerberos.SERVICE)).replace(apart.keytab)
        fault = trouble(connector, ordered())
        assert (fault.message, "is the SPN at the account" in fault.detail) == (CREDENTIALS, True)
        assert isinstance(connector.issue(ordered()), Issued)


@pytest.mark.needs_program("faketime")
def test_clocks_that_differ(apart, monkeypatch, ordered):
    """At the KDC; and at the pages, where we went by the KDC's clock."""
    with apart.kdc.up("faketime", "-f", "+15m"):
        fault = trouble(apart.pages.make(), ordered())
        assert fault.message == CREDENTIALS
        assert fault.detail == "HTTP 401 Kerberos: the clocks here and there differ by too much."
        monkeypatch.setenv("KRB5_CONFIG", apart.kdc.configuration("  kdc_timesync = 0"))
        words = "No Kerberos ticket: the clocks here and at the domain controller differ by too much."
        assert trouble(apart.pages.make(), ordered()).message == words
