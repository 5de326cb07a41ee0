"""The order of certificates that came in any."""

import pytest

from ca_bridge.x509 import der
from tests.ca_bridge import scripted


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_ca_with_two_keys_the_one_that_signed_stands_above(turned):
    """EST and CMP send both, in any order, while a CA changes its key (RFC 7030 4.1.3, RFC 9810 4.4)."""
    root = scripted.root_ca()
    old, new = (scripted.make_ca("An issuing CA", issuer=root) for _each in range(2))
    others = [each.certificate for each in (old, new, root)]
    for signer in (old, new):
        below = scripted.make_ca("Below", issuer=signer).certificate
        found = der.issuers_of(below, reversed(others) if turned else others)
        assert found == (signer.der, root.der)


def test_where_none_has_signed_the_name_counts():
    """Then whoever compares the chain has something to complain of."""
    stranger = scripted.make_ca("Scripted issuing CA", issuer=scripted.make_ca("Scripted root"))
    below = scripted.make_ca("Below", issuer=scripted.issuing_ca()).certificate
    assert der.issuers_of(below, [stranger.certificate]) == (stranger.der,)


def test_a_loop_has_an_end():
    one, other = scripted.make_ca("One"), scripted.make_ca("Other")
    crossed = [scripted.make_ca("One", issuer=other), scripted.make_ca("Other", issuer=one)]
    below = scripted.make_ca("Below", issuer=crossed[0]).certificate
    assert der.issuers_of(below, [each.certificate for each in crossed]) == tuple(
        each.der for each in crossed
    )


def test_a_new_key_that_the_ca_itself_has_certified_stands_below_the_old_one():
    """RFC 9810 4.4: for clients that know the old root alone, who need it on their way there."""
    old = scripted.root_ca()
    new = scripted.make_ca("Scripted root")
    rollover = scripted.make_ca("Scripted root", issuer=old, key=new.key)
    ca = scripted.make_ca("An issuing CA", issuer=new)
    known = [each.certificate for each in (rollover, old)]
    assert der.issuers_of(ca.certificate, known) == (rollover.der, old.der)
    assert not der.is_root(rollover.certificate, known)
    assert der.is_root(old.certificate, known)
    assert der.issuers_of(ca.certificate, [*known, new.certificate]) == (new.der,), (
        "the root itself comes first"
    )


def test_two_keys_that_have_certified_each_other_have_an_end():
    old, new = scripted.root_ca(), scripted.make_ca("Scripted root")
    crossed = [
        scripted.make_ca("Scripted root", issuer=old, key=new.key),
        scripted.make_ca("Scripted root", issuer=new, key=old.key),
    ]
    below = scripted.make_ca("An issuing CA", issuer=new).certificate
    assert der.issuers_of(below, [each.certificate for each in crossed]) == tuple(
        each.der for each in crossed
    )
    every = [each.certificate for each in (*crossed, old, new)]
    assert der.chain_of(below, every) == (new.der, *(each.der for each in crossed))


def test_a_root_that_was_renewed_with_its_key_stands_below_none():
    one = scripted.make_ca("Root")
    other = scripted.make_ca("Root", key=one.key)
    assert der.issuers_of(one.certificate, [other.certificate]) == ()
    assert der.is_root(one.certificate, [other.certificate])
