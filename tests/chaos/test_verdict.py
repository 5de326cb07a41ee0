"""The verdict finds what is wrong: each kind is planted into facts that are right."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.facts import (
    FOLLOWS,
    RENEW,
    REPLACE,
    REVOKE,
    CaCertificate,
    Facts,
    Mail,
    OurCertificate,
    Received,
    Request,
)
from tests.chaos.verdict import judge

pytestmark = pytest.mark.nightly
MESSAGES = ("information", "passphrase_shown", "delivery")


def right() -> Facts:
    """Two finished requests and two that are parked: one with a silent CA, one refused."""
    facts = Facts(wanted=["p1", "p2", "p3", "p4"])
    for number in ("1", "2"):
        _finish(facts, number)
    facts.requests += [
        Request("r3", "p3", "issuing", "", {"t3": False}, ["information"]),
        Request("r4", "p4", "failed", "refused-by-ca", {"t4": False}, ["information"]),
    ]
    facts.ours += [
        OurCertificate("t3", "ordered", "", "o3", "silent", "parked", "an officer must look", 0),
        OurCertificate("t4", "refused", "", "o4", "corporate", "refused", "not certified here", 0),
    ]
    facts.at_ca += [
        CaCertificate("silent", "o3", "33", "k3", revoked=False),
        CaCertificate("elsewhere", "o1", "11b", "k1", revoked=True),
    ]
    facts.surplus = {"11b": True}
    return facts


def _finish(facts: Facts, number: str) -> None:
    token = f"t{number}"
    facts.requests.append(Request(f"r{number}", f"p{number}", "completed", "", {token: True}, list(MESSAGES)))
    serial, order = f"{number}a", f"o{number}"
    facts.ours.append(OurCertificate(token, "valid", serial, order, "elsewhere", "issued", "", 2))
    facts.at_ca.append(CaCertificate("elsewhere", order, serial, f"k{number}", revoked=False))
    for message in MESSAGES:
        identifier = f"m{number}-{message}"
        carried = token if message != "information" else ""
        facts.mails.append(Mail(identifier, message, "sent", carried, ""))
        facts.received.append(Received(identifier, [serial] if message == "delivery" else []))


def test_what_is_right_is_found_right() -> None:
    verdict = judge(right())

    assert verdict.holds, verdict
    assert verdict.line == "lost 0, double 0, parked 2, finished 2"
    assert verdict.parked == {"r3": "an officer must look", "r4": "refused-by-ca"}


def revoked() -> Facts:
    """The first person has revoked what they had."""
    facts = right()
    facts.wishes = {"p1": REVOKE}
    _end(facts, "t1")
    return facts


def _end(facts: Facts, token: str) -> None:
    ours = next(each for each in facts.ours if each.token == token)
    ours.state = "revoked"
    next(each for each in facts.at_ca if each.serial == ours.serial).revoked = True


def test_a_revocation_that_was_lost_is_found() -> None:
    assert judge(revoked()).holds, judge(revoked())

    forgotten = right()
    forgotten.wishes = {"p1": REVOKE}
    assert any("that is valid" in each for each in judge(forgotten).lost)
    unlisted = revoked()
    next(each for each in unlisted.ours if each.token == "t1").on_crl = False
    assert any("no CRL lists it" in each for each in judge(unlisted).lost)
    unasked = revoked()
    unasked.wishes = {}
    assert any("that is revoked" in each for each in judge(unasked).lost)


def followed(wish: str) -> Facts:
    """The first person has a second token, as they wished."""
    facts = right()
    facts.wishes = {"p1": wish}
    _finish(facts, "5")
    second, kind = facts.requests[-1], FOLLOWS[wish]
    second.person, second.kind = "p1", kind
    second.messages.remove("information")
    if kind == "recovery":
        facts.at_ca.pop()
        certificate = replace(facts.ours[0], token="t5")
        facts.ours[-1] = certificate
        next(each for each in facts.received if each.message_id == "m5-delivery").serials = ["1a"]
    else:
        second.in_place_of = ["t1"]
        _end(facts, "t1")
    return facts


@pytest.mark.parametrize("wish", FOLLOWS)
def test_a_second_token_that_is_right_is_found_right(wish: str) -> None:
    verdict = judge(followed(wish))

    assert verdict.holds, verdict
    assert verdict.line == "lost 0, double 0, parked 2, finished 2"


@pytest.mark.parametrize("wish", FOLLOWS)
def test_a_second_token_that_was_lost_is_found(wish: str) -> None:
    facts = right()
    facts.wishes = {"p1": wish}
    assert judge(facts).lost == [f"person p1 has no {FOLLOWS[wish]}"]

    stuck = followed(wish)
    stuck.requests[-1].state = "issuing"
    assert "request r5 is issuing, and nothing says why" in judge(stuck).lost


@pytest.mark.parametrize("wish", FOLLOWS)
def test_a_second_token_that_is_there_twice_is_found(wish: str) -> None:
    facts = followed(wish)
    facts.requests.append(replace(facts.requests[-1], number="r6"))
    assert judge(facts).double == [f"person p1 has 2 requests of the kind {FOLLOWS[wish]}"]

    tokens = followed(wish)
    tokens.requests[-1].tokens["t6"] = True
    assert judge(tokens).double == ["request r5 has 2 tokens"]

    unasked = followed(wish)
    unasked.wishes = {}
    assert judge(unasked).double == [f"person p1 has a {FOLLOWS[wish]} that nobody asked for"]


@pytest.mark.parametrize("wish", [RENEW, REPLACE])
def test_an_old_token_that_lives_on_is_found(wish: str) -> None:
    facts = followed(wish)
    facts.ours[0].state = "valid"
    facts.at_ca[0].revoked = False
    assert any("token t1 has a certificate that is valid" in each for each in judge(facts).lost)

    unlisted = followed(wish)
    unlisted.ours[0].on_crl = False
    assert any("no CRL lists it" in each for each in judge(unlisted).lost)

    another = followed(wish)
    another.requests[-1].in_place_of = ["t2"]
    assert f"{FOLLOWS[wish]} r5 is in place of ['t2']" in judge(another).lost


def test_only_a_replacement_ends_the_old_token_before_the_new_one_is_there() -> None:
    for wish, holds in ((RENEW, False), (REPLACE, True)):
        facts = followed(wish)
        second = facts.requests[-1]
        second.state, second.failure, second.tokens = "failed", "refused-by-ca", {"t5": False}
        _end(facts, "t5")
        verdict = judge(facts)

        assert verdict.holds is holds, verdict
        assert verdict.line.endswith("parked 3, finished 1")


def test_what_a_failed_request_left_in_doubt_waits_with_it() -> None:
    """One certificate was refused, the other may have been issued: the officer's word settles both."""
    facts = right()
    facts.ours.append(OurCertificate("t4", "ordered", "", "o5", "corporate", "unknown", "no answer", 0))
    facts.at_ca.append(CaCertificate("corporate", "o5", "55", "k5", revoked=False))

    assert judge(facts).holds


def test_the_same_message_twice_is_no_double() -> None:
    facts = right()
    facts.received.append(facts.received[0])

    assert judge(facts).holds


def test_a_question_that_was_answered_meanwhile_is_not_lost() -> None:
    facts = right()
    facts.mails.append(Mail("m9", "approval_needed", "discarded", "", "decided meanwhile"))

    assert judge(facts).holds


def _discarded_delivery(facts: Facts) -> None:
    facts.mails[2] = replace(facts.mails[2], state="discarded", why="for no good reason")


def _without(message: str) -> Callable[[Facts], None]:
    def plant(facts: Facts) -> None:
        facts.received = [each for each in facts.received if each.message_id != f"m1-{message}"]

    return plant


def _never_asked(facts: Facts) -> None:
    facts.wanted.append("p5")


def _stuck(facts: Facts) -> None:
    facts.requests[0].state = "issuing"


def _parked_without_a_reason(facts: Facts) -> None:
    facts.ours[2].why = ""


def _failed_without_a_reason(facts: Facts) -> None:
    facts.requests[3].failure = ""


def _not_at_the_ca(facts: Facts) -> None:
    del facts.at_ca[0]


def _revoked_at_the_ca_alone(facts: Facts) -> None:
    facts.at_ca[0].revoked = True


def _one_container(facts: Facts) -> None:
    facts.ours[0].containers = 1


def _not_noted(facts: Facts) -> None:
    facts.requests[0].tokens = {"t1": False}


def _no_occasion(facts: Facts) -> None:
    facts.requests[0].messages.remove("delivery")


def _mail_given_up(facts: Facts) -> None:
    facts.mails[0].state = "failed"


@pytest.mark.parametrize(
    "plant",
    [
        _never_asked,
        _stuck,
        _parked_without_a_reason,
        _failed_without_a_reason,
        _not_at_the_ca,
        _revoked_at_the_ca_alone,
        _one_container,
        _not_noted,
        _no_occasion,
        _mail_given_up,
        _discarded_delivery,
        *map(_without, MESSAGES),
    ],
)
def test_what_is_lost_is_found(plant: Callable[[Facts], None]) -> None:
    facts = right()
    plant(facts)
    verdict = judge(facts)

    assert verdict.lost
    assert not verdict.double
    assert verdict.line.startswith("lost 1, double 0,")


def _two_requests(facts: Facts) -> None:
    facts.requests.append(replace(facts.requests[3], number="r5"))


def _two_container_sets(facts: Facts) -> None:
    facts.ours[0].containers = 4


def _one_more_at_the_ca(facts: Facts) -> None:
    facts.at_ca.append(CaCertificate("elsewhere", "o1", "11c", "k9", revoked=False))


def _surplus_still_valid(facts: Facts) -> None:
    facts.surplus["11d"] = False


def _two_for_a_parked_order(facts: Facts) -> None:
    facts.at_ca.append(CaCertificate("silent", "o3", "34", "k9", revoked=False))


def _left_by_a_finished_request(facts: Facts) -> None:
    facts.ours.append(OurCertificate("t9", "ordered", "", "o9", "corporate", "unknown", "no answer", 0))
    facts.at_ca.append(CaCertificate("corporate", "o9", "99", "k9", revoked=False))


def _one_key_in_two(facts: Facts) -> None:
    facts.at_ca[1].public_key = facts.at_ca[0].public_key


def _two_deliveries(facts: Facts) -> None:
    facts.mails.append(Mail("m9", "delivery", "sent", "t1", ""))
    facts.received.append(Received("m9", []))


def _another_message_id(facts: Facts) -> None:
    facts.received.append(Received("m99", []))


def _twice_by_the_log(facts: Facts) -> None:
    facts.repeated.append("token.sealed 2 times")


@pytest.mark.parametrize(
    "plant",
    [
        _two_requests,
        _two_container_sets,
        _one_more_at_the_ca,
        _surplus_still_valid,
        _two_for_a_parked_order,
        _left_by_a_finished_request,
        _one_key_in_two,
        _two_deliveries,
        _another_message_id,
        _twice_by_the_log,
    ],
)
def test_what_is_there_twice_is_found(plant: Callable[[Facts], None]) -> None:
    facts = right()
    plant(facts)
    verdict = judge(facts)

    assert len(verdict.double) == 1, verdict.double
    assert not verdict.lost
    assert verdict.line.startswith("lost 0, double 1,")


def _broken_chain(facts: Facts) -> None:
    facts.audit.append("audit verify: changed #3")


def _leak(facts: Facts) -> None:
    facts.leaks.append("a passphrase in logs/web-1.log")


def _fetches_nothing(facts: Facts) -> None:
    facts.survivors.append("worker-1 runs and fetches nothing from the broker")


def _without_a_token(facts: Facts) -> None:
    facts.gaps.append("token t1 was ended before its successor was noted")


def _does_not_open(facts: Facts) -> None:
    facts.received[2].trouble = "it does not open"


def _another_certificate(facts: Facts) -> None:
    facts.received[2].serials = ["2a"]


@pytest.mark.parametrize(
    "plant",
    [_broken_chain, _leak, _fetches_nothing, _without_a_token, _does_not_open, _another_certificate],
)
def test_what_is_wrong_is_found(plant: Callable[[Facts], None]) -> None:
    facts = right()
    plant(facts)
    verdict = judge(facts)

    assert len(verdict.wrong) == 1
    assert not verdict.holds
