"""The issuers in a container: every one that clients need up to the root that they know, and no other."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ca_bridge.contract import Issued
from ca_bridge.x509 import chains
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


# --- a root that issues to persons itself


@pytest.mark.parametrize("old", [OLD, make_ca("A root", days=-1)], ids=["valid", "ended"])
def test_a_rollover_stands_in_no_path_where_the_root_itself_has_issued(old):
    """It would be compared as an issuer, refused with an old root that has ended, and stand there twice."""
    rollover = make_ca("A root", issuer=old, key=NEW.key)
    for came in ((rollover,), (rollover, old, NEW), (NEW, rollover)):
        for trusted in ((NEW, old), (old, NEW)):
            assert issuers(NEW, *came, trusted=trusted) == ((), of(rollover))
    assert issuers(NEW, trusted=(NEW, old, rollover)) == ((), of(rollover)), "a CA that sends no issuers"
    assert issuers(NEW, rollover, trusted=(NEW,)) == ((), ()), "nobody who is trusted has signed it"


def test_one_whose_new_root_is_not_trusted_yet_is_led_to_the_old_one():
    assert issuers(NEW, NEW_WITH_OLD, trusted=(OLD,)) == (of(NEW_WITH_OLD), ())


def test_issuers_that_came_with_what_the_root_has_issued_are_left_to_whoever_compares():
    assert issuers(NEW, BELOW_OLD, NEW_WITH_OLD, trusted=(NEW, OLD)) == (of(BELOW_OLD), of(NEW_WITH_OLD))


# --- rollovers that clients do not take


UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
LARGE = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00" * 200_000)


@pytest.mark.parametrize(
    "changes",
    [
        {"may_sign": False},
        {"key_usage": ("digitalSignature",)},
        {"add": ((UNKNOWN, True),)},
        {"add": ((LARGE, False),)},
    ],
    ids=["no CA", "not for certificates", "critical and unknown", "large"],
)
def test_a_rollover_that_clients_do_not_take_goes_into_no_container(changes):
    unsound = make_ca("A root", issuer=OLD, key=NEW.key, **changes)
    for ca, path in ((BELOW_NEW, of(BELOW_NEW)), (NEW, ())):
        assert issuers(ca, *([ca] if path else []), unsound, trusted=(NEW, OLD)) == (path, ())
    found = issuers(BELOW_NEW, BELOW_NEW, unsound, NEW_WITH_OLD, trusted=(NEW, OLD))
    assert found == (of(BELOW_NEW), of(NEW_WITH_OLD)), "the sound one does"


SHA1_RSA = {"algorithm": "sha1_rsa", "parameters": core.Null()}


def over_sha1(ca: SmallCa, issuer: SmallCa) -> SmallCa:
    """The same, signed anew over the hash that nobody takes any more."""
    found = asn1_x509.Certificate.load(ca.der)
    found["tbs_certificate"]["signature"] = found["signature_algorithm"] = SHA1_RSA
    content, broken = found["tbs_certificate"].dump(force=True), hashes.SHA1()  # noqa: S303 to be refused
    signed = issuer.key.sign(content, padding.PKCS1v15(), broken)
    found["signature_value"] = signed
    return SmallCa(x509.load_der_x509_certificate(found.dump(force=True)), ca.key)


@pytest.mark.parametrize("bits", [2048, 1024])
def test_a_rollover_with_a_weak_signature_goes_into_no_container(bits):
    """Over a broken hash, or by a key that is too short."""
    old = make_ca("A root", key=rsa.generate_private_key(public_exponent=65537, key_size=bits))
    weak = make_ca("A root", issuer=old, key=NEW.key)
    weak = over_sha1(weak, old) if bits >= 2048 else weak
    assert issuers(BELOW_NEW, BELOW_NEW, weak, trusted=(NEW, old)) == (of(BELOW_NEW), ())


def test_of_each_other_root_one_rollover_goes_along_the_one_that_lasts_longest():
    third = make_ca("A root")
    many = [make_ca("A root", issuer=OLD, key=NEW.key, days=days) for days in (50, 90, 30, 10, 70)]
    other = make_ca("A root", issuer=third, key=NEW.key)
    for came in ((*many, other), (other, *many[::-1])):
        found = issuers(BELOW_NEW, BELOW_NEW, *came, trusted=(NEW, OLD, third))
        assert found.path == of(BELOW_NEW)
        assert sorted(found.rollovers) == sorted(of(many[1], other))
