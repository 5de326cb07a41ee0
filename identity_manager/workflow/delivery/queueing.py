"""Queue the mails that deliver the containers of a token."""

from collections.abc import Iterable

from identity_manager.mail import install, outbox, token_messages
from identity_manager.models import Container, OutgoingMail, SoftwareToken


def queue_first_deliveries(sealed: Iterable[tuple[SoftwareToken, Iterable[Container]]]) -> None:
    """Queue the delivery mails of tokens that were sealed in the caller's transaction, with these files."""
    mails = []
    for token, containers in sealed:
        wanted = install.format_of(token)
        files = [container for container in containers if container.format == wanted]
        mails.append(token_messages.delivery(token, container_format=wanted, number=1, files=files))
    outbox.enqueue_new(mails)


def queue_delivery(token: SoftwareToken, *, container_format: str) -> OutgoingMail:
    """Queue a further delivery mail of a locked token, in the caller's transaction."""
    number = token.mails.filter(message="delivery").count() + 1
    files = token.containers.filter(format=container_format).select_related("certificate__profile")
    mail = token_messages.delivery(token, container_format=container_format, number=number, files=list(files))
    return outbox.enqueue(mail)
