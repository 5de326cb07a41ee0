"""Secrets split m of n: the vectors of SLIP-39, a second reader, and every way to enter a share wrongly.

Vectors: github.com/trezor/python-shamir-mnemonic, vectors.json, those of 256 bits (passphrase TREZOR).
"""

import itertools

import pytest
from bip39_slip39 import slip39
from shamir_mnemonic import combine_mnemonics

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import shares

ALONE = (
    "theory painting academic academic armed sweater year military elder discuss acne wildlife boring"
    " employer fused large satoshi bundle carbon diagnose anatomy hamster leaves tracks paces beyond"
    " phantom capital marvel lips brave detect luck"
)
TWO_OF_THREE = (
    "humidity disease academic always aluminum jewelry energy woman receiver strategy amuse duckling lying"
    " evidence network walnut tactics forget hairy rebound impulse brother survive clothes stadium mailman"
    " rival ocean reward venture always armed unwrap",
    "humidity disease academic agency actress jacket gross physics cylinder solution fake mortgage benefit"
    " public busy prepare sharp friar change work slow purchase ruler again tricycle involve viral wireless"
    " mixture anatomy desert cargo upgrade",
)
BAD_PADDING = (
    "theory painting academic academic campus sweater year military elder discuss acne wildlife boring"
    " employer fused large satoshi bundle carbon diagnose anatomy hamster leaves tracks paces beyond"
    " phantom capital marvel lips facility obtain sister"
)
GROUPS = (
    "wildlife deal beard romp alcohol space mild usual clothes union nuclear testify course research heat"
    " listen task location thank hospital slice smell failure fawn helpful priest ambition average"
    " recover lecture process dough stadium"
)


def refusal(*texts: str) -> str:
    with pytest.raises(KeyArchiveError) as caught:
        shares.combine(texts)
    said = repr(caught.value) + str(caught.value)
    assert caught.value.__cause__ is None
    assert not any(f" {word} " in f" {said} " for text in texts for word in text.split() if len(word) > 5)
    return caught.value.code


def test_the_vectors() -> None:
    expected = "c938b319067687e990e05e0da0ecce1278f75ff58d9853f19dcaeed5de104aae"
    assert combine_mnemonics(TWO_OF_THREE, b"TREZOR").hex() == expected
    assert slip39.master_secret_from_mnemonics(TWO_OF_THREE, "TREZOR").hex() == expected
    assert refusal(ALONE.replace("luck", "lunar")) == "share-mistyped"
    assert refusal(BAD_PADDING) == "share-mistyped"
    assert refusal(ALONE) == refusal(GROUPS) == "share-foreign"


@pytest.mark.parametrize(("needed", "total"), [(2, 2), (2, 3), (3, 5), (16, 16)])
def test_any_of_them_open_it_for_both_readers(needed: int, total: int) -> None:
    secret = shares.new_secret()
    texts = shares.split(secret, needed=needed, total=total)
    assert [shares.read(text).number for text in texts] == list(range(1, total + 1))
    assert {shares.read(text).needed for text in texts} == {needed}
    for chosen in itertools.islice(itertools.combinations(texts, needed), 10):
        assert shares.combine(chosen) == secret
        assert slip39.master_secret_from_mnemonics(chosen) == secret


def test_what_the_second_reader_splits() -> None:
    secret = shares.new_secret()
    ((*texts,),) = slip39.mnemonics_from_master_secret(secret, [(2, 3)], iteration_exponent=0)
    assert shares.combine(texts[:2]) == secret


def test_entered_as_people_do() -> None:
    secret = shares.new_secret()
    one, two, _three = shares.split(secret, needed=2, total=3)
    short = " ".join(word[:4] for word in two.split())
    assert shares.combine([one.upper().replace(" ", "\n  "), short]) == secret


def test_each_mistake_has_its_sentence() -> None:
    secret = shares.new_secret()
    one, two, three = shares.split(secret, needed=2, total=3)
    other = shares.split(secret, needed=2, total=3)[1]
    words = one.split()
    exchanged = " ".join([*words[:5], words[6], words[5], *words[7:]])
    assert refusal() == refusal(one) == "shares-too-few"
    assert refusal(one, two, three) == "shares-too-many"
    assert refusal(one, one) == "share-twice"
    assert refusal(one, other) == "share-of-another-set"
    assert refusal(one, "zzzzqqq " + two.split(" ", 1)[1]) == "share-unknown-word"
    assert refusal(one, two.rsplit(" ", 1)[0]) == refusal("") == "share-length"
    if words[5] != words[6]:
        assert refusal(exchanged, two) == "share-mistyped"


def test_a_false_share_is_found() -> None:
    first, second = (shares.split(shares.new_secret(), needed=2, total=3) for _each in range(2))
    real, false = shares._parsed(first[0]), shares._parsed(second[1])
    forged = type(false)(**{**vars(false), "identifier": real.identifier}).mnemonic()
    assert refusal(first[0], forged) == "share-forged"


@pytest.mark.parametrize(("needed", "total"), [(1, 1), (1, 3), (4, 3), (2, 17), (0, 0)])
def test_no_set_opens_by_one_or_never(needed: int, total: int) -> None:
    with pytest.raises(KeyArchiveError, match="At least 2"):
        shares.split(shares.new_secret(), needed=needed, total=total)
