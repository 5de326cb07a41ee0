"""Mails about one software token: its files, its passphrase and its end. One function per mail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.mail import deduplication, install
from identity_manager.mail.composing import About, compose, selfservice_url
from identity_manager.mail.install import DEVICES, IN_MAILS
from identity_manager.mail.registry import PERSON, mail
from identity_manager.models import (
    Container,
    DeliveryMode,
    DeliveryProblem,
    KeyHolder,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenImport,
)
from identity_manager.models.words import Vocabulary


@mail(
    _("Software tokens of another system came along"),
    to=PERSON,
    when=_("when tokens of another system were imported, and the import says that persons are told"),
)
def tokens_imported(token_import: TokenImport, tokens: Sequence[SoftwareToken]) -> OutgoingMail:
    """To the person: which of their tokens were imported. One mail for all of them."""
    person = tokens[0].person
    about = About("tokens_imported", f"tokens-imported:{token_import.pk}:{person.pk}", person)
    types = [str(token) for token in tokens]
    return compose(about, url=selfservice_url("selfservice:certificates"), types=types)


@mail(
    _("Delivery of a software token"),
    to=PERSON,
    when=_("when a token is sealed: its files, and how to install them"),
)
def delivery(
    token: SoftwareToken, *, container_format: str, number: int, files: list[Container], copy_is_kept: bool
) -> OutgoingMail:
    """To the person, step 7: the files of one token in one format, and how to install them.

    copy_is_kept: whether the archive has its keys.
    """
    about = About(
        "delivery", f"delivery:{token.pk}:{number}", token.person, request=token.request, token=token
    )
    mode = DeliveryMode(settings.DELIVERY_MODE)
    fetch_url = selfservice_url("selfservice:files", token.pk)
    page = "selfservice:open-tasks" if token.acknowledged_at is None else "selfservice:certificates"
    mail = compose(
        about,
        url=fetch_url if mode == DeliveryMode.LINK else selfservice_url(page),
        **_devices(token, container_format),
        files=files,
        attached=mode != DeliveryMode.LINK,
        fetch_url=fetch_url if mode == DeliveryMode.BOTH else "",
        copy_is_kept=copy_is_kept,
    )
    mail.container_format = container_format
    mail.delivery_mode = mode
    mail.to_address = token.request.delivery_address
    return mail


def _devices(token: SoftwareToken, container_format: str) -> dict[str, Any]:
    """Devices whose steps are in the mail: those that the person named, else the most common ones.

    others: devices that cannot open these files. older: named devices because of which all files have
    the compatible format.
    """
    named = [each for each in install.chosen(token.request.devices) if install.reads(each, container_format)]
    if named:
        both = any(each.container_format.value != container_format for each in named)
        older = [each.name for each in named if both and each.container_format.value == container_format]
        return {"devices": [install.for_token(each, token) for each in named], "others": [], "older": older}
    usual = [each for each in DEVICES if each.code.removesuffix("-old") in IN_MAILS]
    readers = [each for each in usual if each.container_format.value == container_format]
    if container_format == install.FIPS:
        readers = [each for each in DEVICES if each.fips_program]
    return {
        "devices": readers,
        "others": [each.name for each in DEVICES if not install.reads(each, container_format)],
        "older": [],
    }


# Names of kinds of targets in mails to the person.
HOLDERS = Vocabulary(
    "key holders, in mails",
    {
        KeyHolder.GATEWAY: _("the mail gateway of your organisation, which opens and encrypts mail for you"),
        KeyHolder.INTUNE: _("Microsoft Intune, which brings them to your managed devices"),
        KeyHolder.GMAIL: _("Google, which keeps them for your Gmail"),
    },
)


@mail(
    _("The keys are where they are used"),
    to=PERSON,
    when=_("when the keys of a token that targets alone deliver have arrived: there is no file"),
)
def at_targets(token: SoftwareToken, *, targets: Sequence[str]) -> OutgoingMail:
    """To the person, step 7: the keys are at these targets; there is nothing to note or install.

    targets: kinds of the targets, or the name of one that is no longer configured.
    """
    about = About("at_targets", f"at-targets:{token.pk}", token.person, request=token.request, token=token)
    places = [HOLDERS.in_words(each) for each in targets]
    return compose(about, url=selfservice_url("selfservice:token", token.pk), places=places)


@mail(
    _("A file waits in Self-Service"),
    to=PERSON,
    when=_("when an administrator lets the person fetch a file that did not arrive"),
)
def download_opened(token: SoftwareToken, *, problem: DeliveryProblem) -> OutgoingMail:
    """To the person: the file that did not arrive can be fetched now; if it was not you, say so."""
    about = About("download_opened", f"download-opened:{problem.pk}", token.person, token.request, token)
    return compose(about, url=selfservice_url("selfservice:files", token.pk), problem=problem)


@mail(_("A file was fetched"), to=PERSON, when=_("each time a file is fetched from Self-Service"))
def file_fetched(token: SoftwareToken, *, container: Container, file: str) -> OutgoingMail:
    """To the person: a file was downloaded from Self-Service; if it was not you, say so. One per download.

    file: its name; of the configuration profile, if the container was in one.
    """
    occasion = f"file-fetched:{container.pk}:{container.downloads}"
    about = About("file_fetched", occasion, token.person, request=token.request, token=token)
    return compose(about, url=selfservice_url("selfservice:certificates"), container=container, file=file)


@mail(_("A passphrase was shown"), to=PERSON, when=_("when a passphrase was shown for the first time"))
def passphrase_shown(token: SoftwareToken) -> OutgoingMail:
    """To the person: a passphrase was shown for the first time; if it was not you, say so."""
    about = About(
        "passphrase_shown", f"passphrase-shown:{token.pk}", token.person, request=token.request, token=token
    )
    return compose(about, url=selfservice_url("selfservice:certificates"))


@mail(
    _("Reminder to note the passphrase"),
    to=PERSON,
    when=_("some days before an unread passphrase is destroyed"),
)
def passphrase_reminder(token: SoftwareToken, *, occasion: str) -> OutgoingMail:
    """To the person: the passphrase is still to be noted."""
    about = About("passphrase_reminder", occasion, token.person, token.request, token)
    return compose(about, url=selfservice_url("selfservice:passphrase", token.pk))


@mail(_("The software token lapsed"), to=PERSON, when=_("when the passphrase was not noted in time"))
def token_lapsed(token: SoftwareToken) -> OutgoingMail:
    """To the person: the passphrase was not noted in time; ask anew."""
    about = About(
        "token_lapsed", f"token-lapsed:{token.pk}", token.person, request=token.request, token=token
    )
    return compose(about, url=selfservice_url("selfservice:ask-again", token.request_id))


@mail(
    _("A software token ends soon"),
    to=PERSON,
    when=_("some days before a token ends, then daily until it is renewed or not needed"),
)
def renewal_due(
    token: SoftwareToken, *, days: int, ends_at: datetime, losses: Sequence[Promise]
) -> OutgoingMail:
    """To the person: the token ends soon and is to be renewed.

    days: the threshold that was reached. losses: sentences on the future of its encryption keys.
    """
    occasion = deduplication.renewal_due(token, days=days)
    about = About("renewal_due", occasion, token.person, token.request, token)
    return compose(about, url=selfservice_url("selfservice:renew", token.pk), ends_at=ends_at, losses=losses)


@mail(
    _("A software token ended during a leave"),
    to=PERSON,
    when=_("when a token ended while they were Inactive, before they had it"),
)
def ended_on_leave(token: SoftwareToken) -> OutgoingMail:
    """To the person after a leave: the certificate expired meanwhile; request a new one."""
    about = About("ended_on_leave", f"ended-on-leave:{token.pk}", token.person, token.request, token)
    return compose(about, url=selfservice_url("selfservice:ask-again", token.request_id))


@mail(_("Software tokens were revoked"), to=PERSON, when=_("when all their tokens were revoked at once"))
def tokens_revoked(person: Person, *, tokens: Sequence[SoftwareToken], moment: datetime) -> OutgoingMail:
    """To the person: all their tokens were revoked at that moment; if it was not you, say so."""
    about = About("tokens_revoked", f"tokens-revoked:{person.pk}:{moment.isoformat()}", person)
    return compose(about, url=selfservice_url("selfservice:certificates"), tokens=tokens, moment=moment)


@mail(
    _("Software tokens are replaced"),
    to=PERSON,
    when=_("when tokens were revoked because they are lost, and new ones are asked for"),
)
def tokens_replaced(
    person: Person,
    *,
    tokens: Sequence[SoftwareToken],
    lines: Sequence[SoftwareToken],
    cause: Promise,
    moment: datetime,
) -> OutgoingMail:
    """To the person: these tokens were revoked at that moment, and these lines of a request replace them.

    If it was not you, say so.
    """
    about = About("tokens_replaced", f"tokens-replaced:{person.pk}:{moment.isoformat()}", person)
    return compose(
        about,
        url=selfservice_url("selfservice:open-tasks"),
        tokens=tokens,
        replacements=lines,
        cause=cause,
        moment=moment,
    )
