"""Unexpected exceptions: store the error on the leased row, schedule a retry, re-raise.

In a loop over rows, one failing row does not stop the others.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from identity_manager.models import Certificate, SoftwareToken
from identity_manager.transactions import locking

logger = logging.getLogger(__name__)
DATABASE_DOWN = (OperationalError, InterfaceError)  # or of a single row: a lock time-out


@contextmanager
def retry_later_on_error(release: Callable[[Exception], None]) -> Iterator[None]:
    """Pass any exception to `release`, which ends the row's lease and schedules a retry; then re-raise."""
    try:
        yield
    except Exception as error:
        release(error)
        raise


def retry_certificate_later(certificate_id: uuid.UUID, claim_id: uuid.UUID, error: Exception) -> None:
    """Release the certificate's lease and schedule a retry, if `claim_id` still holds it."""
    with transaction.atomic():
        certificate = locking.certificate(certificate_id)
        if certificate.claim_id == claim_id:
            store_error(certificate, error)


def retry_token_later(token_id: uuid.UUID, claim_id: uuid.UUID, error: Exception) -> None:
    """Release the token's lease and schedule a retry, if `claim_id` still holds it."""
    with transaction.atomic():
        token = locking.token(token_id)
        if token.claim_id == claim_id:
            store_error(token, error)


def store_error(row: Certificate | SoftwareToken, error: Exception) -> None:
    """Store the exception's class name on a locked row and schedule a retry. The log has the traceback."""
    row.settle_later(type(error).__name__, now=timezone.now())
    row.save()


def error_of(call: Callable[[], object]) -> Exception | None:
    """Call it and return the exception, if any; the caller stores it, or raises it later."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 the caller has it
        return error
    return None


def for_all_or_each(ids: Iterable[uuid.UUID], verb: Callable[[list[uuid.UUID]], int]) -> int:
    """Call the verb for all ids together; where that fails, for each alone, as for_each_isolated.

    The verb does its work for all that it is given or, when it raises, for none.
    """
    keys, done = list(ids), list[int]()
    error = error_of(lambda: done.append(verb(keys)))
    if isinstance(error, SoftTimeLimitExceeded):
        raise error
    if error is not None:
        logger.warning("%d rows go one by one, because of %s.", len(keys), type(error).__name__)
        return for_each_isolated(keys, lambda pk: verb([pk]))
    return sum(done)


def for_each_isolated(ids: Iterable[uuid.UUID], verb: Callable[[uuid.UUID], object]) -> int:
    """Call the verb for each id; return how many calls returned a true value.

    An exception is logged and the loop continues; the first one is raised at the end, so that the job shows
    it. SoftTimeLimitExceeded and a lost database connection end the loop at once.
    """
    done = 0
    errors: list[Exception] = []
    for row_id in list(ids):
        try:
            done += bool(verb(row_id))
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:
            logger.exception("A row failed and was skipped: %s", row_id)
            errors.append(error)
            if is_database_down(error):
                raise
    if errors:
        raise errors[0]
    return done


def is_database_down(error: Exception) -> bool:
    """Whether the error is a lost connection to the database, not a fault of one row."""
    return isinstance(error, DATABASE_DOWN) and not connection.is_usable()
