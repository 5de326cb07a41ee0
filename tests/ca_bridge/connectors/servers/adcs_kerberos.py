"""The stub of AD CS behind Kerberos, with a real KDC, and a connector's options for both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from ca_bridge.connectors.adcs.connector import AdcsConnector
from tests.ca_bridge.connectors import foreign
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour
from tests.ca_bridge.connectors.servers.kdc import REALM, Kdc
from tests.ca_bridge.connectors.servers.stubs import ROOT, stub_process

STUB = "tests.ca_bridge.connectors.servers.adcs_kerberos_stub"
GSSAPI = "gssapi==1.12.0"
SERVICE = "HTTP/localhost"


@dataclass(frozen=True)
class Domain:
    """A KDC that may be up or not, the CA of the servers in its realm, and the pages with their keytab."""

    kdc: Kdc
    ca: TestCa
    pages: Neighbour
    keytab: str


@contextmanager
def domain(folder: Path) -> Iterator[Domain]:
    """The pages; who asks them has the KDC's environment, and gssapi, already."""
    kdc, ca = Kdc(folder), TestCa("Test AD CS", folder)
    former = kdc.account("identity-manager")
    kdc.ask("cpw", "-randkey", "identity-manager")
    keytab = kdc.account(SERVICE)
    environment = {
        "PYTHONPATH": f"{ROOT}:{foreign.packages_of(GSSAPI)}",
        "KRB5_CONFIG": kdc.environment["KRB5_CONFIG"],
        "KRB5_KTNAME": keytab,
        "KRB5RCACHEDIR": str(folder),
    }
    with stub_process(import_module(STUB), ca, environment) as running:
        signs_in = {
            "principal": f"identity-manager@{REALM}",
            "keytab_file": kdc.keytab("identity-manager"),
            "poll_after": 5,
        }
        wrong, identity = {"keytab_file": former}, running.identity
        pages = Neighbour(AdcsConnector, {**running.options, **signs_in}, wrong, identity=identity)
        yield Domain(kdc, ca, pages, keytab)
