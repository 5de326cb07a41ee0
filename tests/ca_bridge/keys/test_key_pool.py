"""The pool of keys: each is handed out once, none outlives the pool, none crosses a fork."""

import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys.pool import KeyPool
from tests.tools import running

RSA = KeyAlgorithm.RSA_3072


class Mint:
    """Makes numbers for keys, which the pool never looks at, and counts them."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.made: list[tuple[KeyAlgorithm, int]] = []

    def __call__(self, algorithm: KeyAlgorithm) -> Any:
        key = next(self.numbers)
        self.made.append((algorithm, key))
        return key


@pytest.fixture
def mint() -> Mint:
    return Mint()


@pytest.fixture
def pool(mint: Mint) -> Iterator[KeyPool]:
    made = KeyPool(make=mint)
    yield made
    made.drain()


until = partial(running.until, what="the pool", seconds=10, step=0.005)


def stock(pool: KeyPool, algorithm: KeyAlgorithm = RSA) -> int:
    return pool.figures()[algorithm][0]


def test_before_it_is_started_a_key_is_made_when_it_is_asked_for(pool: KeyPool, mint: Mint) -> None:
    assert [pool.take(RSA), pool.take(RSA)] == [1, 2]
    assert pool.figures() == {RSA: (0, 0, 2)}


def test_it_keeps_as_many_as_it_was_told_of_what_is_wanted(pool: KeyPool, mint: Mint) -> None:
    pool.want(RSA)
    pool.start(size=3)
    until(lambda: stock(pool) == 3)
    assert pool.take(RSA) == 1  # the oldest
    until(lambda: stock(pool) == 3)
    assert len(mint.made) == 4
    assert pool.figures()[RSA] == (3, 1, 0)


def test_what_was_asked_for_once_is_there_the_next_time(pool: KeyPool) -> None:
    pool.start(size=1)
    pool.take(KeyAlgorithm.RSA_4096)
    until(lambda: stock(pool, KeyAlgorithm.RSA_4096) == 1)
    pool.take(KeyAlgorithm.RSA_4096)
    assert pool.figures()[KeyAlgorithm.RSA_4096][1:] == (1, 1)


def test_elliptic_keys_are_made_at_once(pool: KeyPool, mint: Mint) -> None:
    pool.start(size=2)
    pool.take(KeyAlgorithm.EC_P256)
    assert mint.made == [(KeyAlgorithm.EC_P256, 1)]
    assert pool.figures() == {}


def test_no_key_is_handed_out_twice_however_many_take_at_once(pool: KeyPool) -> None:
    pool.want(RSA)
    pool.start(size=4)
    taken: list[Any] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(pool.take(RSA) for _each in range(200)))
        for _thread in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 1600
    assert len(set(taken)) == 1600


def test_drained_it_holds_no_key_and_makes_none_in_advance(pool: KeyPool, mint: Mint) -> None:
    pool.want(RSA)
    pool.start(size=2)
    until(lambda: stock(pool) == 2)
    pool.drain()
    assert stock(pool) == 0
    made = len(mint.made)
    pool.take(RSA)
    time.sleep(0.05)
    assert len(mint.made) == made + 1


def test_a_key_that_is_being_made_while_the_pool_is_drained_is_kept_by_nobody(mint: Mint) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(algorithm: KeyAlgorithm) -> Any:
        begun.set()
        go_on.wait(10)
        return mint(algorithm)

    pool = KeyPool(make=slow)
    pool.want(RSA)
    pool.start(size=1)
    assert begun.wait(10)
    threading.Timer(0.05, go_on.set).start()
    pool.drain()
    assert stock(pool) == 0
    assert mint.made


def test_of_size_nought_nothing_is_made_in_advance(pool: KeyPool, mint: Mint) -> None:
    pool.want(RSA)
    pool.start(size=0)
    time.sleep(0.05)
    assert mint.made == []


def test_a_fork_takes_no_key_along(pool: KeyPool) -> None:
    pool.want(RSA)
    pool.start(size=2)
    until(lambda: stock(pool) == 2)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # the other process says how many it has, and ends at once
        os.write(writing, str(sum(each[0] for each in pool.figures().values())).encode())
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 10) == b"0"
    os.close(reading)
    os.waitpid(child, 0)
    assert stock(pool) == 2


def test_real_keys_are_what_was_asked_for() -> None:
    pool = KeyPool()
    pool.want(KeyAlgorithm.RSA_2048)
    pool.start(size=1)
    until(lambda: stock(pool, KeyAlgorithm.RSA_2048) == 1)
    assert pool.take(KeyAlgorithm.RSA_2048).key_size == 2048
    pool.drain()
