"""A certificate is refused for good, and its request fails: an officer decides what becomes of it."""

from django.utils import timezone

from identity_manager import audit, outbox
from identity_manager.mail import messages
from identity_manager.models import Certificate, RequestState
from identity_manager.workflow import failures
from identity_manager.workflow.failures import Failure


def refuse(certificate: Certificate, failure: Failure, *, said: str = "", detail: str = "") -> None:
    """Refused for good, on a locked row: the key is erased, the request fails, an officer decides the rest.

    In the caller's transaction.
    """
    certificate.refuse(reason=said)
    certificate.private_key_wrapped = None
    certificate.settle_lease()
    if said:
        certificate.last_error, certificate.last_error_at = f"{said} {detail}".strip(), timezone.now()
    certificate.save()
    audit.record(
        audit.Event.CERTIFICATE_REFUSED,
        actor=None,
        subject=certificate.token,
        certificate=str(certificate.pk),
        code=failure.code,
        **failure.facts,
    )
    fail_request(certificate, failure)


def fail_request(certificate: Certificate, failure: Failure) -> None:
    """The request of a locked certificate fails, and its person is told, where it is still about that one."""
    request = certificate.token.request
    if request.state != RequestState.ISSUING or certificate.token.round != request.round:
        return
    request.fail(code=failure.code, facts=failure.facts)
    if failure.code == failures.PERSON_CHANGED:
        request.stopped_at = timezone.now()
    request.save()
    if request.person.is_active:
        outbox.enqueue(messages.issuance_failed(request, why=failures.for_the_person(request)))
    audit.record(audit.Event.REQUEST_FAILED, actor=None, subject=request, code=failure.code, **failure.facts)
