"""CAA records of mail domains: who may issue (RFC 8659, RFC 9495), asked of a name server on this machine."""

import socket
import threading
from collections.abc import Iterator, Mapping

import dns.message
import dns.rcode
import dns.rrset
import pytest

from ca_bridge.connection import caa
from ca_bridge.connection.caa import CaaFinding, CaaResult

OURS = ("sectigo.com",)
ZONE = {
    "example.com.": ['0 issuemail "sectigo.com"', '0 issue "ca.example.net"'],
    "params.example.": ['0 issuemail "Sectigo.com; account=1"', '0 iodef "mailto:x@example.com"'],
    "others.example.": ['0 issuemail "harica.gr"', '0 issuemail "d-trust.net"'],
    "nobody.example.": ['0 issuemail ";"'],
    "web.example.": ['0 issue "harica.gr"'],
    "critical.example.": ['128 fantasy "x"', '0 issuemail "sectigo.com"'],
}
BROKEN = "broken.example."


@pytest.fixture(scope="module")
def name_server() -> Iterator[tuple[str, int]]:
    """It answers from ZONE, with SERVFAIL for BROKEN and with NXDOMAIN for others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        threading.Thread(target=_serve, args=(udp, ZONE), daemon=True).start()
        yield "127.0.0.1", udp.getsockname()[1]


def _serve(udp: socket.socket, zone: Mapping[str, list[str]]) -> None:
    while True:
        try:
            octets, caller = udp.recvfrom(4096)
        except OSError:
            return
        query = dns.message.from_wire(octets)
        answer, name = dns.message.make_response(query), query.question[0].name.to_text()
        if name == BROKEN:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif name in zone:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "CAA", *zone[name]))
        elif not any(each.endswith(f".{name}") for each in zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        udp.sendto(answer.to_wire(), caller)


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("example.com", (CaaResult.ALLOWED, "example.com", ("sectigo.com",))),
        ("mail.eu.example.com", (CaaResult.ALLOWED, "example.com", ("sectigo.com",))),
        ("params.example", (CaaResult.ALLOWED, "params.example", ("sectigo.com",))),
        ("others.example", (CaaResult.FORBIDDEN, "others.example", ("d-trust.net", "harica.gr"))),
        ("nobody.example", (CaaResult.FORBIDDEN, "nobody.example", ("",))),
        ("web.example", (CaaResult.NOT_RESTRICTED, "web.example", ())),
        ("nothing.example", (CaaResult.NOT_RESTRICTED, "", ())),
    ],
)
def test_the_nearest_records_decide(name_server, domain, found):
    assert caa.check(domain, OURS, name_server) == CaaFinding(domain, *found)


def test_a_critical_property_that_nobody_knows_forbids(name_server):
    assert caa.check("critical.example", OURS, name_server).verdict == CaaResult.FORBIDDEN


def test_a_broken_zone_is_no_permission(name_server):
    """With DNSSEC that does not verify, resolvers answer SERVFAIL, and a CA must not issue."""
    found = caa.check("mail.broken.example", OURS, name_server)
    assert found.verdict == CaaResult.FAILED
    assert "NoNameservers" in found.detail


@pytest.mark.parametrize("domain", ["a..b", "x" * 64 + ".example"])
def test_what_is_no_domain_is_told(name_server, domain):
    assert caa.check(domain, OURS, name_server).verdict == CaaResult.FAILED
