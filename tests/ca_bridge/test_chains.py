"""The issuers in a container: every one that clients need up to the root that they know, and no other."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from ca_bridge import chains
from ca_bridge.contract import Issued
from tests.ca_bridge import scripted
from tests.ca_bridge.scripted import SmallCa, make_ca

OLD, NEW = make_ca("A root"), make_ca("A root")
NEW_WITH_OLD, OLD_WITH_NEW = (
    make_ca("A root", issuer=OLD, key=NEW.key),
    make_ca("A root", issuer=NEW, key=OLD.key),
)
BELOW_OLD, BELOW_NEW = make_ca("An issuing CA", issuer=OLD), make_ca("An issuing CA", issuer=NEW)


def issuers(ca: SmallCa, *came: SmallCa, trusted: tuple[SmallCa, ...]) -> chains.Issuers:
    """Of a certificate of that CA."""
    answer = Issued(make_ca("Person", issuer=ca).der, tuple(each.der for each in came))
    return chains.for_container(answer, [each.der for each in trusted])


def of(*cas: SmallCa) -> tuple[bytes, ...]:
    return tuple(each.der for each in cas)


@pytest.mark.parametrize("turned", [False, True])
def test_clients_that_know_the_old_root_alone_are_led_to_it(turned):
    came = (BELOW_NEW, NEW_WITH_OLD, OLD)[:: -1 if turned else 1]
    for cas in (came, came[:-1] if not turned else came[1:]):
        found = issuers(BELOW_NEW, *cas, trusted=(BELOW_NEW, OLD))
        assert found == (of(BELOW_NEW, NEW_WITH_OLD), ())


@pytest.mark.parametrize(
    ("ca", "root", "rollover", "other"),
    [(BELOW_NEW, NEW, NEW_WITH_OLD, OLD), (BELOW_OLD, OLD, OLD_WITH_NEW, NEW)],
)
def test_those_that_know_another_root_of_the_ca_are_led_there_beside_the_path(ca, root, rollover, other):
    """While the CA changes the key of its root, chain_file has both, and either may end before the other."""
    every = (ca, rollover, root, other)
    for came in (every, every[::-1], (ca, NEW_WITH_OLD, OLD_WITH_NEW)):
        for trusted in ((ca, root, other), (ca, other, root)):
            assert issuers(ca, *came, trusted=trusted) == (of(ca), of(rollover))
    assert issuers(ca, trusted=every) == (of(ca), of(rollover)), "a CA that sends no issuers"


def test_what_nobody_who_is_trusted_has_signed_goes_into_no_container():
    for trusted in ((BELOW_NEW, NEW), (BELOW_NEW,)):
        found = issuers(BELOW_NEW, BELOW_NEW, NEW_WITH_OLD, OLD, trusted=trusted)
        assert found == (of(BELOW_NEW), ())
    strangers = make_ca("A root", issuer=make_ca("A root"), key=NEW.key)
    found = issuers(BELOW_NEW, BELOW_NEW, strangers, trusted=(BELOW_NEW, NEW, OLD))
    assert found == (of(BELOW_NEW), ())


def test_a_rollover_that_has_ended_leads_nowhere():
    ended = make_ca("A root", issuer=OLD, key=NEW.key, days=-1)
    found = issuers(BELOW_NEW, BELOW_NEW, ended, trusted=(BELOW_NEW, NEW, OLD))
    assert found == (of(BELOW_NEW), ())
    with time_machine.travel(datetime.now(UTC) - timedelta(days=2)):
        found = issuers(BELOW_NEW, BELOW_NEW, ended, trusted=(BELOW_NEW, NEW, OLD))
    assert found == (of(BELOW_NEW), of(ended))


def test_an_issuing_ca_that_has_certified_its_own_new_key_leads_over_the_old_one():
    old = scripted.issuing_ca()
    new = make_ca("Scripted issuing CA", issuer=old)
    for came in ((new, old), (old, new, scripted.root_ca())):
        assert issuers(new, *came, trusted=(scripted.root_ca(),)) == (of(new, old), ())
