"""The order of certificates that came in any."""

import pytest

from ca_bridge import der
from tests.ca_bridge import scripted


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_ca_with_two_keys_the_one_that_signed_stands_above(turned):
    """EST and CMP send both, in any order, while a CA changes its key (RFC 7030 4.1.3, RFC 9810 4.4)."""
    root = scripted.root_ca()
    old, new = (scripted.make_ca("An issuing CA", issuer=root) for _each in range(2))
    others = [each.certificate for each in (old, new, root)]
    for signer in (old, new):
        below = scripted.make_ca("Below", issuer=signer).certificate
        found = der.above(below, reversed(others) if turned else others)
        assert found == (signer.der, root.der)


def test_where_none_has_signed_the_name_counts():
    """Then whoever compares the chain has something to complain of."""
    stranger = scripted.make_ca("Scripted issuing CA", issuer=scripted.make_ca("Scripted root"))
    below = scripted.make_ca("Below", issuer=scripted.issuing_ca()).certificate
    assert der.above(below, [stranger.certificate]) == (stranger.der,)


def test_a_loop_has_an_end():
    one, other = scripted.make_ca("One"), scripted.make_ca("Other")
    crossed = [scripted.make_ca("One", issuer=other), scripted.make_ca("Other", issuer=one)]
    below = scripted.make_ca("Below", issuer=crossed[0]).certificate
    assert der.above(below, [each.certificate for each in crossed]) == tuple(each.der for each in crossed)
