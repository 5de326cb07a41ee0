"""Queue the mails that deliver the containers of a token."""

from collections.abc import Iterable

from identity_manager.mail import install, outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import ArchivedKey, Container, OutgoingMail, SoftwareToken


def first_delivery(
    token: SoftwareToken, containers: Iterable[Container], *, copy_is_kept: bool
) -> OutgoingMail:
    """Compose the delivery mail of a token that is being sealed with these files; nothing is saved."""
    wanted = install.format_of(token)
    files = [container for container in containers if container.format == wanted]
    return token_messages.delivery(
        token, container_format=wanted, number=1, files=files, copy_is_kept=copy_is_kept
    )


def queue_delivery(token: SoftwareToken, *, container_format: str) -> OutgoingMail:
    """Queue a further delivery mail of a locked token, in the caller's transaction."""
    number = token.mails.filter(message="delivery").count() + 1
    files = token.containers.filter(format=container_format).select_related("certificate__profile")
    mail = token_messages.delivery(
        token,
        container_format=container_format,
        number=number,
        files=list(files),
        copy_is_kept=token.archives_keys and ArchivedKey.objects.of_token(token.pk).exists(),
    )
    return outbox.enqueue(mail)
