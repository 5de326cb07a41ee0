"""What nobody foresaw: it stands on the row that a worker has, is tried again later, and is raised.

Of rows that a job goes through it keeps none of the others waiting.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from identity_manager.models import Certificate
from identity_manager.transactions import locking

logger = logging.getLogger(__name__)
AWAY = (OperationalError, InterfaceError)  # of one row (its lock came too late), or the database is away


@contextmanager
def put_off_by(put_off: Callable[[Exception], None]) -> Iterator[None]:
    """Whatever is raised within is handed to put_off, which lets go of the row, and raised on."""
    try:
        yield
    except Exception as error:
        put_off(error)
        raise


def put_certificate_off(certificate_id: uuid.UUID, claim_id: uuid.UUID, error: Exception) -> None:
    """Let go of a certificate that is still ours by this claim."""
    with transaction.atomic():
        certificate = locking.certificate(certificate_id)
        if certificate.claim_id == claim_id:
            note_on_certificate(certificate, error)


def note_on_certificate(certificate: Certificate, error: Exception) -> None:
    """On a locked row, which is due again later. Officers see its kind; the worker's log says more."""
    certificate.settle_later(type(error).__name__, now=timezone.now())
    certificate.save()


def one_by_one(ids: Iterable[uuid.UUID], verb: Callable[[uuid.UUID], object]) -> int:
    """Have the verb look at each row; returns for how many it said that it did something.

    A row that it fails at is in the log, and the others have their turn. Then the first error is raised, so
    that the job shows it. Where the task's time is over, or the database is away, no other row fares better.
    """
    done = 0
    errors: list[Exception] = []
    for row_id in list(ids):
        try:
            done += bool(verb(row_id))
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            logger.exception("A row was left out: %s", row_id)
            errors.append(error)
            if isinstance(error, AWAY) and not connection.is_usable():
                raise
    if errors:
        raise errors[0]
    return done
