"""Key pool: RSA keys generated in advance in a worker's memory, so that acceptance does not wait for primes.

Never on disk or in the database. Dropped after a fork, or two processes would hand out the same key. A key is
used once.
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
    """Keys of one algorithm, with hit and miss counts."""

    ready: deque[keys.PrivateKey] = field(default_factory=deque, repr=False)
    hits: int = 0
    misses: int = 0


class KeyPool:
    """Thread-safe pool for the recently requested algorithms.

    size: keys per algorithm; 0 disables the pool. Before `start` and after `drain`, keys are generated on
    demand.
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
        """Whether keys are generated in advance in this process."""
        return self._filler is not None

    def start(self, *, size: int) -> None:
        """Start generating keys in advance; idempotent."""
        with self._changed:
            self._size = size
            if self._filler is None and size > 0:
                # A daemon thread, so that process exit does not wait for it.
                self._filler = threading.Thread(target=self._fill, name="key-pool", daemon=True)
                self._filler.start()

    def drain(self) -> None:
        """Stop and drop all keys."""
        with self._changed:
            self._size = 0
            for stock in self._stocks.values():
                stock.ready.clear()
            filler, self._filler = self._filler, None
            self._changed.notify_all()
        if filler is not None:
            filler.join(timeout=5)

    def take(self, algorithm: KeyAlgorithm) -> keys.PrivateKey:
        """A fresh private key, for this caller only. Up to a second for RSA where the pool is empty."""
        if algorithm not in POOLED:
            return self._make(algorithm)
        with self._changed:
            stock = self._stocks.setdefault(algorithm, Stock())
            key = stock.ready.popleft() if stock.ready else None
            stock.hits += key is not None
            stock.misses += key is None
            self._changed.notify_all()
        return key or self._make(algorithm)

    def want(self, algorithm: KeyAlgorithm) -> None:
        """Start stocking an algorithm before its first request."""
        with self._changed:
            if algorithm in POOLED:
                self._stocks.setdefault(algorithm, Stock())
                self._changed.notify_all()

    def figures(self) -> dict[KeyAlgorithm, tuple[int, int, int]]:
        """Per algorithm: stock, hits, misses."""
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
            key = self._make(algorithm)  # outside the lock; OpenSSL releases the GIL
            with self._changed:
                if self._filler is me:
                    self._stocks[algorithm].ready.append(key)

    def _missing(self) -> KeyAlgorithm | None:
        """The algorithm with the smallest incomplete stock."""
        short = [name for name, stock in self._stocks.items() if len(stock.ready) < self._size]
        return min(short, key=lambda name: len(self._stocks[name].ready), default=None)


pool = KeyPool()
