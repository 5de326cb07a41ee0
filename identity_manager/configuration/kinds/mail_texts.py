"""The company's own mail texts, by mail and language, such as `password_set.de`."""

import uuid
from collections.abc import Iterable

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import mail_texts
from identity_manager.catalogue.versions import DRAFT_EXISTS
from identity_manager.configuration import shapes
from identity_manager.configuration.kind import ConfigurationKind, Key, Making, Present, Values
from identity_manager.mail import specimens
from identity_manager.mail.company_texts.wording import Wording
from identity_manager.models import MailText
from identity_manager.transactions.refusals import Reason, Stale, refuse, require

NO_MAIL = Reason(
    "configuration-no-mail",
    _(
        "There is no mail of this name in this language here. A code is a mail and a language:"
        " password_set.de."
    ),
)


def _present(rows: Iterable[MailText]) -> dict[str, Present]:
    return {row.code: Present({"subject": row.subject, "body": row.body}, row.pk) for row in rows}


def _make(making: Making, code: str, values: Values) -> uuid.UUID:
    message, _dot, language = code.partition(".")
    known = message in specimens.names() and language in dict(settings.LANGUAGES)
    require(known, else_=NO_MAIL, field="code")
    seen = mail_texts.seen_of(message, language)  # first: what anybody saves from now on makes it stale
    refuse(DRAFT_EXISTS if mail_texts.draft_of(message, language) else None, kind=Stale)
    wording = Wording(values["subject"], values["body"])
    _require_no_faults(message, language, wording)
    draft = mail_texts.save_draft(
        actor=making.actor,
        message=message,
        language=language,
        seen=seen,
        wording=wording,
    )
    saved = mail_texts.seen_of(message, language)
    making.ask(
        lambda: mail_texts.ask_activation(actor=making.actor, message=message, language=language, seen=saved)
    )
    return draft.pk


def _require_no_faults(message: str, language: str, wording: Wording) -> None:
    """A file brings no text that an officer would have to write anew. Raises NotPossible."""
    faults = mail_texts.faults(message, language, wording)
    sentence = " ".join(f"{field}: {fault}" for field, found in faults.items() for fault in found)
    require(not faults, else_=Reason("configuration-mail-text-faulty", sentence), field="body")


MAIL_TEXTS = ConfigurationKind(
    name="mail-text",
    label=_("Mail texts"),
    line=_("The company's own words of mails, in each language"),
    keys={
        "subject": Key(_("Subject"), shapes.LINE),
        "body": Key(_("Text"), shapes.PARAGRAPHS, read=lambda text: text.replace("\r\n", "\n").strip()),
    },
    here=lambda: _present(MailText.objects.active()),
    drafts=lambda: _present(MailText.objects.drafts()),
    make=_make,
    page="console:mail-text",
    page_arguments=lambda code, _pk: code.split("."),
)
