"""Certificates that this process has just finished, so that their own messages need not be looked into.

Under load a worker finishes tokens of which the messages are still to come. Such a message would ask the
database three times for nothing. Each token that was not finished here has a message of its own, so none
waits for one that is passed over. Only for seconds: after a restore of the database the same certificate is
to be issued again.
"""

import time
import uuid
from collections.abc import Iterable

KEPT_SECONDS = 10.0
_finished: dict[uuid.UUID, float] = {}  # in the order of time


def note(certificate_ids: Iterable[uuid.UUID]) -> None:
    """Remember these for KEPT_SECONDS, and forget what is older."""
    now = time.monotonic()
    for pk, since in list(_finished.items()):  # a copy: several threads of a worker note theirs
        if now - since > KEPT_SECONDS:
            _finished.pop(pk, None)
    _finished.update(dict.fromkeys(certificate_ids, now))


def has(certificate_id: uuid.UUID) -> bool:
    """Whether this process has finished that certificate within the last seconds."""
    since = _finished.get(certificate_id)
    return since is not None and time.monotonic() - since <= KEPT_SECONDS
