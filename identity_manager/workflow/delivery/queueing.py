"""Queue the mails that deliver the containers of a token."""

from collections.abc import Iterable

from identity_manager.mail import messages, outbox
from identity_manager.models import Container, OutgoingMail, SoftwareToken


def queue_first_delivery(token: SoftwareToken, containers: Iterable[Container]) -> None:
    """Queue the delivery mail of a token that was sealed in the caller's transaction, with these."""
    wanted = token.token_type.container_format
    files = [container for container in containers if container.format == wanted]
    outbox.enqueue_new([messages.delivery(token, container_format=wanted, number=1, files=files)])


def queue_delivery(token: SoftwareToken, *, container_format: str) -> OutgoingMail:
    """Queue a further delivery mail of a locked token, in the caller's transaction."""
    number = token.mails.filter(message="delivery").count() + 1
    files = token.containers.filter(format=container_format).select_related("certificate__profile")
    mail = messages.delivery(token, container_format=container_format, number=number, files=list(files))
    return outbox.enqueue(mail)
