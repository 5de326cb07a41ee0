"""What nobody foresaw while a worker has a row: it stands on the row, is tried again later, and is raised."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from identity_manager.models import Certificate
from identity_manager.workflow import locking


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
