"""Registry of mails by name: title for officers, recipient, and occasion. The decorator @mail registers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.models import OutgoingMail
from identity_manager.models.words import Words

Message = TypeVar("Message", bound=Callable[..., OutgoingMail])
PERSON, APPROVER, REQUESTER, OFFICER = _("the person"), _("approvers"), _("who asked"), _("administrators")
PERSON_AND_REQUESTER = _("the person and who asked")
SYSTEM = _("System Administrators")


@dataclass(frozen=True)
class MailKind:
    """A mail: the function that makes it, what officers call it, to whom it goes, and when."""

    make: Callable[..., OutgoingMail]
    title: Words
    to: Words
    when: Words


TEST, TEST_WORD = "mail_text_test", "TEST"  # the name of a sample that officers mail to themselves; its mark

MAILS: dict[str, MailKind] = {}  # unordered: as their modules were imported; specimens.names() has an order


def mail(title: Words, *, to: Words, when: Words) -> Callable[[Message], Message]:
    """Register the function as the mail of its name. title: what officers call it."""

    def register(make: Message) -> Message:
        MAILS[make.__name__] = MailKind(make, title, to, when)
        return make

    return register


def title_of(message: str) -> str:
    """The title of a mail for officers; its name, if it is unknown because a later version sent it."""
    if message == TEST:
        return gettext("Test of a mail text")
    return str(MAILS[message].title) if message in MAILS else message.replace("_", " ").capitalize()
