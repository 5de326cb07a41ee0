"""The verdict over the facts: what is lost, what is there twice, who is parked, who is finished.

Pure: tests plant each kind of wrong into facts that are right, and see it found.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from tests.chaos.facts import FOLLOWS, FORMATS, REVOKE, Facts, OurCertificate, Request

USED = ("valid", "on_hold", "revoked")
TOLD = ("information", "passphrase_shown", "delivery")  # by mail, on every finished road
FIRST = "initial"  # the kind of a request that follows no other


@dataclass(frozen=True)
class Verdict:
    """Each finding is a sentence; parked are requests with the reason why they wait for an officer."""

    lost: list[str]
    double: list[str]
    wrong: list[str]
    parked: dict[str, str]
    finished: list[str]

    @property
    def holds(self) -> bool:
        return not (self.lost or self.double or self.wrong)

    @property
    def line(self) -> str:
        """The last line of a run."""
        return last_line(asdict(self))


def last_line(*verdicts: dict[str, Any]) -> str:
    """How many of each kind, all of these verdicts together."""
    kinds = ("lost", "double", "parked", "finished")
    return ", ".join(f"{kind} {sum(len(each[kind]) for each in verdicts)}" for kind in kinds)


def judge(facts: Facts) -> Verdict:
    """Look at every fact."""
    parked = parked_of(facts)
    return Verdict(
        lost=[
            *_lost_requests(facts, parked),
            *_lost_followers(facts),
            *_lost_certificates(facts),
            *_lost_mails(facts),
        ],
        double=[*_double_requests(facts), *_double_certificates(facts, parked), *_double_mails(facts)],
        wrong=[*facts.audit, *facts.survivors, *facts.leaks, *facts.gaps, *_do_not_open(facts)],
        parked=parked,
        finished=_finished(facts),
    )


def _finished(facts: Facts) -> list[str]:
    """The first request of each person whose requests are all completed."""
    unfinished = {each.person for each in facts.requests if each.state != "completed"}
    return [each.number for each in facts.requests if each.kind == FIRST and each.person not in unfinished]


def parked_of(facts: Facts) -> dict[str, str]:
    """Requests that wait for an officer, each with its reason."""
    by_token = _by_token(facts)
    found = {}
    for request in facts.requests:
        if request.state == "failed" and request.failure:
            found[request.number] = request.failure
        elif request.state == "issuing" and (why := _why_parked(request, by_token)):
            found[request.number] = why
    return found


def _why_parked(request: Request, by_token: dict[str, list[OurCertificate]]) -> str:
    """Of the first certificate whose CA may have issued and cannot say so, if nothing else is awaited."""
    ordered = [each for token in request.tokens for each in by_token[token] if each.state == "ordered"]
    parked = [each for each in ordered if each.order_state == "parked"]
    return parked[0].why if parked and len(parked) == len(ordered) else ""


def _by_token(facts: Facts) -> dict[str, list[OurCertificate]]:
    found: dict[str, list[OurCertificate]] = defaultdict(list)
    for each in facts.ours:
        found[each.token].append(each)
    return found


# --- lost


def _lost_requests(facts: Facts, parked: dict[str, str]) -> Iterator[str]:
    there = {each.person for each in facts.requests}
    yield from (f"person {person} has no request" for person in facts.wanted if person not in there)
    by_token, ended = _by_token(facts), _ended(facts)
    for request in facts.requests:
        if request.state == "completed":
            yield from _lacking(request, by_token, ended)
        elif request.number not in parked:
            yield f"request {request.number} is {request.state}, and nothing says why"


def _ended(facts: Facts) -> set[str]:
    """Tokens whose certificates are revoked: by the person, at a replacement, or after a renewal."""
    revoked = {person for person, wish in facts.wishes.items() if wish == REVOKE}
    ended = {token for each in facts.requests if each.person in revoked for token in each.tokens}
    for each in facts.requests:
        if each.kind == "replacement" or each.state == "completed":
            ended.update(each.in_place_of)
    return ended


def _lost_followers(facts: Facts) -> Iterator[str]:
    """Whoever wanted more than their first token has a request for it, in place of that token."""
    by_kind: dict[tuple[str, str], list[Request]] = defaultdict(list)
    for request in facts.requests:
        by_kind[request.person, request.kind].append(request)
    for first in facts.requests:
        wanted = FOLLOWS.get(facts.wishes.get(first.person, ""))
        if wanted is None or first.kind != FIRST or first.state != "completed":
            continue
        if not by_kind[first.person, wanted]:
            yield f"person {first.person} has no {wanted}"
        for each in by_kind[first.person, wanted]:
            if wanted != "recovery" and set(each.in_place_of) != set(first.tokens):
                yield f"{wanted} {each.number} is in place of {each.in_place_of}"


def _lacking(request: Request, by_token: dict[str, list[OurCertificate]], ended: set[str]) -> Iterator[str]:
    name = f"finished request {request.number}"
    if not request.tokens:
        yield f"{name} has no token"
    for message in TOLD if request.kind == FIRST else TOLD[1:]:
        if message not in request.messages:
            yield f"{name} has no mail {message}"
    for token, noted in request.tokens.items():
        if not noted:
            yield f"{name}: the passphrase of token {token} was not noted"
        if not by_token[token]:
            yield f"{name}: token {token} has no certificate"
        state = "revoked" if token in ended else "valid"
        yield from (f"{name}: token {token} {lacks}" for lacks in _incomplete(by_token[token], state))


def _incomplete(certificates: list[OurCertificate], state: str) -> Iterator[str]:
    for each in certificates:
        if each.state != state or each.containers < FORMATS:
            yield f"has a certificate that is {each.state}, with {each.containers} containers"
        if not each.on_crl:
            yield f"has a certificate {each.serial} that is revoked, and no CRL lists it"


def _lost_certificates(facts: Facts) -> Iterator[str]:
    """What we have, its CA has, in the same state."""
    at_ca = {each.serial: each for each in facts.at_ca}
    for each in facts.ours:
        if each.state not in USED:
            continue
        there = at_ca.get(each.serial)
        if there is None:
            yield f"certificate {each.serial} is not in the register of {each.ca}"
        elif there.revoked != (each.state == "revoked"):
            yield f"certificate {each.serial} is {each.state} here, and at {each.ca} it is not"


def _lost_mails(facts: Facts) -> Iterator[str]:
    arrived = {each.message_id for each in facts.received}
    for mail in facts.mails:
        if mail.state == "discarded" and mail.why and mail.message not in TOLD:
            continue  # such as the question to an approver that another one has answered
        if mail.state != "sent":
            yield f"mail {mail.message_id} ({mail.message}) is {mail.state}: {mail.why}"
        elif mail.message_id not in arrived:
            yield f"mail {mail.message_id} ({mail.message}) is sent, and never arrived"


# --- double


def _double_requests(facts: Facts) -> Iterator[str]:
    for (person, kind), number in Counter((each.person, each.kind) for each in facts.requests).items():
        if number > 1:
            yield f"person {person} has {number} requests of the kind {kind}"
        if kind not in (FIRST, FOLLOWS.get(facts.wishes.get(person, ""))):
            yield f"person {person} has a {kind} that nobody asked for"
    for request in facts.requests:
        if len(request.tokens) > 1:
            yield f"request {request.number} has {len(request.tokens)} tokens"
    for each in facts.ours:
        if each.containers > FORMATS:
            yield f"a certificate of token {each.token} has {each.containers} containers"
    yield from facts.repeated


def _double_certificates(facts: Facts, requests: Iterable[str]) -> Iterator[str]:
    """At a CA and valid, though nobody uses it. What a parked one may have, officers have looked for."""
    used = {each.serial for each in facts.ours if each.state in USED}
    tokens = {token for each in facts.requests if each.number in requests for token in each.tokens}
    ordered = [each for each in facts.ours if each.state == "ordered"]
    parked = {each.order for each in ordered if each.order_state == "parked"}
    parked |= {each.order for each in ordered if each.order_state == "unknown" and each.token in tokens}
    waiting: Counter[tuple[str, str]] = Counter()
    for each in facts.at_ca:
        if each.revoked or each.serial in used:
            continue
        waiting[each.ca, each.request] += 1
        if each.request not in parked or waiting[each.ca, each.request] > 1:
            yield f"certificate {each.serial} for {each.request} is valid at {each.ca} and used by nobody"
    keys = Counter(each.public_key for each in facts.at_ca if not each.revoked)
    yield from (f"key {key} has {number} valid certificates" for key, number in keys.items() if number > 1)
    for serial, revoked in facts.surplus.items():
        if not revoked and serial not in used:
            yield f"the surplus certificate {serial} is not revoked"


def _double_mails(facts: Facts) -> Iterator[str]:
    """A message that comes twice carries the same Message-ID, which is its row's."""
    known = {mail.message_id for mail in facts.mails}
    for identifier in {each.message_id for each in facts.received} - known:
        yield f"the mail server took a message {identifier} that the outbox does not know"
    deliveries = Counter(mail.token for mail in facts.mails if mail.message == "delivery")
    for token, number in deliveries.items():
        if number > 1:
            yield f"token {token} was delivered by {number} mails"


# --- wrong


def _do_not_open(facts: Facts) -> Iterator[str]:
    """Each file that arrived opens with the passphrase that was shown, and holds the token's certificate."""
    by_token = _by_token(facts)
    tokens = {mail.message_id: mail.token for mail in facts.mails}
    finished = {token for each in facts.requests if each.state == "completed" for token in each.tokens}
    for each in facts.received:
        token = tokens.get(each.message_id, "")
        if token not in finished:
            continue
        ours = sorted(certificate.serial for certificate in by_token[token])
        if each.trouble:
            yield f"mail {each.message_id}: {each.trouble}"
        elif each.serials and sorted(each.serials) != ours:
            yield f"mail {each.message_id} has other certificates than its token {token}"
