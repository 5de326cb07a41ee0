"""CAA records of mail domains (RFC 8659), property issuemail (RFC 9495): CAs that may issue S/MIME there.

For a report to operators; nothing is issued or refused because of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import dns.exception
import dns.name
import dns.resolver

PORT, SECONDS = 53, 5
ISSUEMAIL, CRITICAL = "issuemail", 128
# Properties that CAs know (IANA: CAA properties). An unknown critical one forbids issuance (RFC 8659 4.1).
KNOWN = frozenset({"issue", "issuewild", "issuevmc", "iodef", "contactemail", "contactphone", ISSUEMAIL})


class CaaResult(StrEnum):
    """Result of the check for a CA. FAILED: no DNS answer, and a CA must not issue without one."""

    ALLOWED = "allowed"
    NOT_RESTRICTED = "not-restricted"
    FORBIDDEN = "forbidden"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CaaFinding:
    """The verdict on one domain. at: the domain that has the records; issuers: domains of CAs in them."""

    domain: str
    verdict: CaaResult
    at: str = ""
    issuers: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One CAA record."""

    flags: int
    tag: str
    value: str


def check(domain: str, identities: Sequence[str], server: tuple[str, int] | None = None) -> CaaFinding:
    """Whether a CA with one of these identities may issue for mailboxes of a domain.

    server: address and port of a name server, in place of those of this machine.
    """
    try:
        resolver = _resolver(server)
        name = dns.name.from_text(domain)
        while name != dns.name.root:  # RFC 8659 3: the first domain upwards that has records
            if records := _records(resolver, name):
                return _judged(domain, name.to_text(omit_final_dot=True), records, identities)
            name = name.parent()
    except dns.exception.DNSException as error:  # as NoNameservers, where a DNSSEC zone is broken
        return CaaFinding(domain, CaaResult.FAILED, detail=f"{type(error).__name__}: {error}")
    return CaaFinding(domain, CaaResult.NOT_RESTRICTED)


def _resolver(server: tuple[str, int] | None) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=server is None)
    resolver.lifetime = SECONDS
    if server:
        resolver.nameservers, resolver.port = [server[0]], server[1]
    return resolver


def _records(resolver: dns.resolver.Resolver, name: dns.name.Name) -> list[Record]:
    try:
        found = resolver.resolve(name, "CAA", search=False)
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return []
    return [
        Record(each.flags, each.tag.decode().lower(), each.value.decode("utf-8", "replace")) for each in found
    ]


def _judged(domain: str, at: str, records: Sequence[Record], identities: Sequence[str]) -> CaaFinding:
    """RFC 9495 3: without issuemail every CA may issue; an empty issuer permits none."""
    issuers = tuple(sorted(_issuer(each.value) for each in records if each.tag == ISSUEMAIL))
    if any(each.flags & CRITICAL and each.tag not in KNOWN for each in records):
        return CaaFinding(
            domain, CaaResult.FORBIDDEN, at, issuers, "a critical property that CAs do not know"
        )
    if not issuers:
        return CaaFinding(domain, CaaResult.NOT_RESTRICTED, at)
    allowed = not {each.lower() for each in identities}.isdisjoint(issuers)
    return CaaFinding(domain, CaaResult.ALLOWED if allowed else CaaResult.FORBIDDEN, at, issuers)


def _issuer(value: str) -> str:
    """RFC 8659 4.2: the issuer's domain, before its parameters."""
    return value.split(";")[0].strip().lower().rstrip(".")
