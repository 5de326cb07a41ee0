"""A few RSA keys made in advance, so that a person who accepts does not wait for prime numbers.

They lie in the memory of one worker process: never on disk, never in the database, and not carried over a
fork, where two processes would hand out the same key. A key is used once.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys import keys

POOLED = frozenset({KeyAlgorithm.RSA_2048, KeyAlgorithm.RSA_3072, KeyAlgorithm.RSA_4096})
Make = Callable[[KeyAlgorithm], keys.PrivateKey]


@dataclass
class Stock:
    """What is there of one algorithm, and how often it was and was not there when it was asked for."""

    ready: deque[keys.PrivateKey] = field(default_factory=deque, repr=False)
    hits: int = 0
    misses: int = 0


class KeyPool:
    """Keys of the algorithms that were asked for lately. Safe to be used by several threads.

    size: how many keys of each algorithm; 0 makes none in advance. Until `start`, and after `drain`, a key
    is made when it is asked for.
    """

    def __init__(self, *, make: Make = keys.generate) -> None:
        self._make = make
        self._size = 0
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._stocks: dict[KeyAlgorithm, Stock] = {}
        self._changed = threading.Condition()
        self._filler: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether keys are made in advance in this process."""
        return self._filler is not None

    def start(self, *, size: int) -> None:
        """Keep so many keys of each algorithm from now on. Does nothing where it is started already."""
        with self._changed:
            self._size = size
            if self._filler is None and size > 0:
                # A daemon: a process that ends does not wait for a key that nobody gets.
                self._filler = threading.Thread(target=self._fill, name="key-pool", daemon=True)
                self._filler.start()

    def drain(self) -> None:
        """Stop, and let go of the keys."""
        with self._changed:
            self._size = 0
            for stock in self._stocks.values():
                stock.ready.clear()
            filler, self._filler = self._filler, None
            self._changed.notify_all()
        if filler is not None:
            filler.join(timeout=5)

    def take(self, algorithm: KeyAlgorithm) -> keys.PrivateKey:
        """Return a new private key that nobody else gets. Without a stock it takes up to a second (RSA)."""
        if algorithm not in POOLED:
            return self._make(algorithm)
        with self._changed:
            stock = self._stocks.setdefault(algorithm, Stock())
            key = stock.ready.popleft() if stock.ready else None
            stock.hits += key is not None
            stock.misses += key is None
            self._changed.notify_all()
        return key or self._make(algorithm)

    def give_back(self, algorithm: KeyAlgorithm, key: keys.PrivateKey) -> None:
        """Take back a key that was taken and never bound to anything, such as for a certificate that another
        worker was quicker to claim."""
        with self._changed:
            if self.running and algorithm in self._stocks:
                self._stocks[algorithm].ready.append(key)

    def want(self, algorithm: KeyAlgorithm) -> None:
        """Have a stock of it before it is asked for the first time."""
        with self._changed:
            if algorithm in POOLED:
                self._stocks.setdefault(algorithm, Stock())
                self._changed.notify_all()

    def figures(self) -> dict[KeyAlgorithm, tuple[int, int, int]]:
        """For each algorithm: how many keys there are, how often one was there, how often none was."""
        with self._changed:
            return {name: (len(each.ready), each.hits, each.misses) for name, each in self._stocks.items()}

    def _fill(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._filler is not me or self._missing() is not None)
                algorithm = self._missing()
                if self._filler is not me or algorithm is None:
                    return
            key = self._make(algorithm)  # outside the lock; OpenSSL lets go of the interpreter meanwhile
            with self._changed:
                if self._filler is me:
                    self._stocks[algorithm].ready.append(key)

    def _missing(self) -> KeyAlgorithm | None:
        """The algorithm that has the fewest keys, where one has too few."""
        short = [name for name, stock in self._stocks.items() if len(stock.ready) < self._size]
        return min(short, key=lambda name: len(self._stocks[name].ready), default=None)


pool = KeyPool()
