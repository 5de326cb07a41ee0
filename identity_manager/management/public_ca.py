"""Checks of a public CA and our mail domains: CAA, validations, products, validity, contingent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from ca_bridge.connection import caa, registry
from ca_bridge.connection.caa import CaaFinding, CaaResult
from ca_bridge.errors import CaError
from ca_bridge.orders import allowances
from ca_bridge.x509 import public_smime

ENDS_SOON = timedelta(days=30)


@dataclass(frozen=True)
class Remark:
    """One sentence, for operators. is_wrong: it keeps the CA from issuing, or will soon."""

    words: str
    is_wrong: bool = False


def findings(
    alias: str, domains: Sequence[str], server: tuple[str, int] | None, today: date
) -> Iterator[Remark]:
    """All remarks. domains: our mail domains. server: a name server, in place of those of this machine."""
    identities = registry.caa_identities(alias)
    for domain in domains:
        yield _caa(caa.check(domain, identities, server), identities)
    yield from _validations(alias, domains, today)
    yield from _products(alias)
    yield Remark(
        f"A public S/MIME certificate holds for at most {public_smime.longest_days(today)} days"
        f" (S/MIME Baseline Requirements 6.3.2); a profile here for {public_smime.LONGEST_DAYS}."
    )
    if found := allowances.left(alias):
        yield Remark(f"{found.left} of {found.total} certificates left, by the journal.", found.left == 0)


def _caa(found: CaaFinding, identities: Sequence[str]) -> Remark:
    named = ", ".join(each or "nobody" for each in found.issuers)
    us = " or ".join(identities)
    match found.verdict:
        case CaaResult.NOT_RESTRICTED:
            return Remark(f"CAA {found.domain}: no issuemail record, so that every CA may issue.")
        case CaaResult.ALLOWED:
            return Remark(f"CAA {found.domain}: issuemail of {found.at} names {named}.")
        case CaaResult.FORBIDDEN:
            why = found.detail or f"issuemail of {found.at} names {named}, not {us}"
            return Remark(f"CAA {found.domain}: the CA must not issue: {why}.", is_wrong=True)
    words = f"CAA {found.domain}: no answer, and a CA that gets none must not issue: {found.detail}."
    return Remark(words, is_wrong=True)


def _validations(alias: str, domains: Sequence[str], today: date) -> Iterator[Remark]:
    try:
        found = registry.validations(alias)
    except CaError as error:
        yield Remark(f"It does not tell until when its validations count: {error.words}")
        return
    if found is None:
        yield Remark(
            "It does not tell until when its validations count: look at its portal. A domain counts for"
            f" {public_smime.DOMAIN_DAYS} days, an organisation for {public_smime.ORGANISATION_DAYS}."
        )
        return
    for name, until in found.domains:
        yield _lasting(f"The validation of the domain {name}", until, today)
    for domain in domains:
        if not any(_covers(name, domain) for name, _until in found.domains):
            yield Remark(f"The CA has not validated the domain {domain}.", is_wrong=True)
    if found.organisation:
        yield _lasting("The validation of the organisation", found.organisation, today)


def _covers(validated: str, domain: str) -> bool:
    """Whether it is the validated domain or a subdomain of it (RFC 8499)."""
    return f".{domain}".endswith(f".{validated.lower().removeprefix('*.')}")


def _lasting(what: str, until: date, today: date) -> Remark:
    left = (until - today).days
    if left < 0:
        return Remark(f"{what} has ended on {until}.", is_wrong=True)
    return Remark(f"{what} counts until {until}, {left} days.", is_wrong=until - today < ENDS_SOON)


def _products(alias: str) -> Iterator[Remark]:
    try:
        names = registry.profiles(alias)
    except CaError:
        return
    if names:
        yield Remark(f"Products: {', '.join(names)}.")
