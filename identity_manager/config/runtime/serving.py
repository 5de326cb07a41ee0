"""gunicorn thread worker with an extra thread for liveness probes.

If the database is away, all threads may wait for it for up to half a minute each, and requests queue. A probe
that waits with them would have the supervisor restart the process, which makes things worse.
"""

import socket
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

PROBE = b"GET /health/live"


class ProbedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Answers probes in their own thread while all others are busy. All methods run in gunicorn's loop."""

    def init_process(self) -> None:
        self._probes = ThreadPoolExecutor(max_workers=1)
        self._at_work = 0
        super().init_process()  # which serves, and returns at the end

    def enqueue_req(self, conn: Any) -> None:
        """Pass the connection to a thread; if none is free, peek whether it is a probe."""
        begun = _begun(conn) if self._at_work >= self.cfg.threads else b""
        if begun is None and not conn.initialized:
            self._look_again(conn)
        elif begun == PROBE:
            self._submit(self._probes, conn, self.finish_request)
        else:
            self._at_work += 1
            self._submit(self.tpool, conn, self._finish_work)

    def _submit(self, pool: Executor, conn: Any, finish: Callable[[Any, Any], None]) -> None:
        done = pool.submit(self.handle, conn)
        done.add_done_callback(lambda future: self.method_queue.defer(finish, conn, future))

    def _finish_work(self, conn: Any, future: Any) -> None:
        self._at_work -= 1
        self.finish_request(conn, future)

    def _look_again(self, conn: Any) -> None:
        """Called when data have arrived: decide again."""
        conn.sock.settimeout(0)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))


def _begun(conn: Any) -> bytes | None:
    """Peek at the beginning of the request (MSG_PEEK); None if nothing has arrived."""
    try:
        return bytes(conn.sock.recv(len(PROBE), socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return None
    except OSError:  # it is gone; whoever handles it sees that
        return b""
