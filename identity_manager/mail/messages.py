"""Mail texts: one function per mail, which returns an unsaved outbox row.

Each mail has a folder in templates/emails/ with subject.txt, body.txt and body.html. A mail says one thing,
has one button, and never holds a passphrase or a sign-in link.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.mail import deduplication
from identity_manager.mail.composing import About, compose, console_url, selfservice_url
from identity_manager.mail.install import DEVICES, IN_MAILS
from identity_manager.mail.registry import APPROVER, OFFICER, PERSON, PERSON_AND_REQUESTER, REQUESTER, mail
from identity_manager.models import (
    AskedApprover,
    BatchOrder,
    Certificate,
    Container,
    DeliveryMode,
    IdentityChange,
    Leave,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenRequest,
)


@mail(
    _("Invitation to accept the terms"),
    to=PERSON,
    when=_("when the request may go on: read and accept the terms"),
)
def information(request: TokenRequest) -> OutgoingMail:
    """To the person, step 3: read and accept the terms in Open Tasks."""
    about = About(
        "information", f"information:{deduplication.round_of(request)}", request.person, request=request
    )
    return compose(about, url=selfservice_url("selfservice:open-tasks"))


@mail(_("A request waits for an approver"), to=APPROVER, when=_("when a request waits for a decision"))
def approval_needed(request: TokenRequest, approver: Person) -> OutgoingMail:
    """To an approver: a request waits."""
    occasion = f"approval-needed:{deduplication.round_of(request)}:{approver.pk}"
    about = About("approval_needed", occasion, approver, request=request)
    return compose(about, url=console_url("console:request", request.pk))


@mail(
    _("Reminder of a request that waits for an approver"),
    to=APPROVER,
    when=_("when the decision has waited for some days"),
)
def approval_reminder(request: TokenRequest, asked: AskedApprover) -> OutgoingMail:
    """To an approver who was asked and has not decided: it still waits."""
    occasion = f"approval-reminder:{asked.pk}:{asked.waits_from.isoformat()}"
    about = About("approval_reminder", occasion, asked.approver, request=request)
    return compose(about, url=console_url("console:request", request.pk), since=asked.waits_from)


@mail(_("A postponed request is back"), to=APPROVER, when=_("when a postponed decision comes back"))
def approval_back(request: TokenRequest, approver: Person) -> OutgoingMail:
    """To the approver who postponed it: the time has come."""
    until = request.postponed_until.isoformat() if request.postponed_until else ""
    about = About("approval_back", f"approval-back:{request.pk}:{until}:{approver.pk}", approver, request)
    return compose(about, url=console_url("console:request", request.pk))


@mail(_("Nobody decides on a request"), to=OFFICER, when=_("when nobody decides, or nobody can"))
def left_undecided(request: TokenRequest, administrator: Person, *, possible: bool) -> OutgoingMail:
    """To an administrator: nobody decides on the request, or (possible is False) nobody can."""
    occasion = f"left-undecided:{deduplication.round_of(request)}:{administrator.pk}"
    about = About("left_undecided", occasion, administrator, request=request)
    return compose(about, url=console_url("console:request", request.pk), possible=possible)


@mail(
    _("Requests of a batch order wait for an approver"),
    to=APPROVER,
    when=_("when requests of a batch order wait for a decision"),
)
def batch_waits(order: BatchOrder, approver: Person, *, key: str) -> OutgoingMail:
    """To an approver: requests of a batch order wait."""
    about = About("batch_waits", deduplication.batch("batch-waits", order, approver, key), approver)
    return compose(about, url=_decisions_on(order), order=order)


@mail(_("Reminder of requests of a batch order"), to=APPROVER, when=_("when these have waited for some days"))
def batch_reminder(order: BatchOrder, asked: AskedApprover) -> OutgoingMail:
    """To an approver who was asked and has not decided: requests of a batch order still wait."""
    day = str(timezone.localdate(asked.waits_from))
    about = About(
        "batch_reminder", deduplication.batch("batch-reminder", order, asked.approver, day), asked.approver
    )
    return compose(about, url=_decisions_on(order), order=order, since=asked.waits_from)


@mail(
    _("Nobody decides on requests of a batch order"),
    to=OFFICER,
    when=_("when nobody decides on these, or nobody can"),
)
def batch_undecided(order: BatchOrder, administrator: Person, *, possible: bool, key: str) -> OutgoingMail:
    """To an administrator: nobody decides on requests of a batch order, or (possible is False) nobody can."""
    occasion = deduplication.batch("batch-undecided", order, administrator, f"{possible}:{key}")
    about = About("batch_undecided", occasion, administrator)
    return compose(about, url=console_url("console:approvals"), order=order, possible=possible)


@mail(
    _("Requests of a batch order were approved"), to=REQUESTER, when=_("when these are approved, once a day")
)
def batch_approved(order: BatchOrder, *, key: str) -> OutgoingMail:
    """To who gave a batch order: approvers approve its requests."""
    about = About(
        "batch_approved", deduplication.batch("batch-approved", order, order.asked_by, key), order.asked_by
    )
    return compose(about, url=console_url("console:batch-order", order.pk), order=order)


@mail(
    _("Requests of a batch order were rejected"),
    to=REQUESTER,
    when=_("when these are rejected, with the reason"),
)
def batch_rejected(order: BatchOrder, *, reason: str, key: str) -> OutgoingMail:
    """To who gave a batch order: requests of it were rejected, and why; one for each reason."""
    said = hashlib.sha256(reason.encode()).hexdigest()[:32]
    occasion = deduplication.batch("batch-rejected", order, order.asked_by, f"{said}:{key}")
    about = About("batch_rejected", occasion, order.asked_by)
    return compose(about, url=console_url("console:batch-order", order.pk), order=order, reason=reason)


@mail(_("The request was approved"), to=REQUESTER, when=_("when the request was approved"))
def approved(request: TokenRequest) -> OutgoingMail:
    """To the requester: the request goes on."""
    about = About(
        "approved", f"approved:{deduplication.round_of(request)}", request.requested_by, request=request
    )
    return compose(about, url=console_url("console:request", request.pk))


@mail(_("The request was rejected"), to=REQUESTER, when=_("when the request was rejected, with the reason"))
def rejected(request: TokenRequest) -> OutgoingMail:
    """To the requester: the request was rejected, and why."""
    about = About("rejected", f"rejected:{request.pk}", request.requested_by, request=request)
    return compose(about, url=_page_for(request, request.requested_by))


@mail(
    _("Types were taken out of a request"),
    to=PERSON_AND_REQUESTER,
    when=_("when an approver took single types out"),
)
def types_taken_out(
    request: TokenRequest, reader: Person, *, tokens: Iterable[SoftwareToken]
) -> OutgoingMail:
    """To the person, and to who asked for them: an approver took single types out, and why."""
    occasion = f"types-taken-out:{request.pk}:{request.snapshot_hash}:{reader.pk}"
    about = About("types_taken_out", occasion, reader, request=request)
    return compose(about, url=_page_for(request, reader), taken_out=list(tokens))


@mail(
    _("A request is decided on again"),
    to=PERSON,
    when=_("when their data changed and it is decided on again"),
)
def sent_round_again(request: TokenRequest) -> OutgoingMail:
    """To the person: their data have changed, so the request is decided on again."""
    about = About(
        "sent_round_again", f"sent-round-again:{deduplication.round_of(request)}", request.person, request
    )
    return compose(about, url=selfservice_url("selfservice:requests"))


@mail(
    _("The request was cancelled"), to=PERSON_AND_REQUESTER, when=_("when an administrator ended the request")
)
def request_cancelled(request: TokenRequest, reader: Person, *, by: Person) -> OutgoingMail:
    """To the person, and to who asked for them: an administrator ended the request, and why."""
    about = About("request_cancelled", f"request-cancelled:{request.pk}:{reader.pk}", reader, request=request)
    return compose(about, url=_page_for(request, reader), by=by)


@mail(_("Reminder to accept the terms"), to=PERSON, when=_("some days before the time to accept runs out"))
def acceptance_reminder(request: TokenRequest, *, days: int) -> OutgoingMail:
    """To the person: the terms are still to be accepted. days is the threshold that has come."""
    about = About(
        "acceptance_reminder", deduplication.acceptance_reminder(request, days=days), request.person, request
    )
    return compose(about, url=selfservice_url("selfservice:terms", request.pk))


@mail(
    _("Reminder to note the passphrase"),
    to=PERSON,
    when=_("some days before an unread passphrase is destroyed"),
)
def passphrase_reminder(token: SoftwareToken, *, days: int) -> OutgoingMail:
    """To the person: the passphrase is still to be noted. days is the threshold that has come."""
    about = About(
        "passphrase_reminder",
        deduplication.passphrase_reminder(token, days=days),
        token.person,
        token.request,
        token,
    )
    return compose(about, url=selfservice_url("selfservice:passphrase", token.pk))


@mail(
    _("A software token ends soon"),
    to=PERSON,
    when=_("some days before a token ends, then daily until it is renewed or not needed"),
)
def renewal_due(token: SoftwareToken, *, days: int, ends_at: datetime) -> OutgoingMail:
    """To the person: the token ends soon and is to be renewed. days is the threshold that has come."""
    occasion = deduplication.renewal_due(token, days=days)
    about = About("renewal_due", occasion, token.person, token.request, token)
    return compose(about, url=selfservice_url("selfservice:renew", token.pk), ends_at=ends_at)


@mail(_("A software token could not be issued"), to=PERSON, when=_("when the tokens could not be issued"))
def issuance_failed(request: TokenRequest, *, why: str | Promise) -> OutgoingMail:
    """To the person: it could not be issued, and the office knows. why is in plain words."""
    about = About(
        "issuance_failed", f"issuance-failed:{deduplication.round_of(request)}", request.person, request
    )
    return compose(about, url=selfservice_url("selfservice:requests"), why=why)


@mail(
    _("The rest of a request is given"),
    to=PERSON,
    when=_("when part of them was refused for good and they get the rest"),
)
def rest_given(
    request: TokenRequest, *, given: Sequence[Certificate], left_out: Sequence[Certificate]
) -> OutgoingMail:
    """To the person: part of it was refused for good, and they get the rest. Each is left out once."""
    about = About("rest_given", f"rest-given:{left_out[0].pk}", request.person, request=request)
    return compose(about, url=selfservice_url("selfservice:requests"), given=given, left_out=left_out)


@mail(
    _("Delivery of a software token"),
    to=PERSON,
    when=_("when a token is sealed: its files, and how to install them"),
)
def delivery(
    token: SoftwareToken, *, container_format: str, number: int, files: list[Container]
) -> OutgoingMail:
    """To the person, step 7: the files of one token in one format, and how to install them."""
    about = About(
        "delivery", f"delivery:{token.pk}:{number}", token.person, request=token.request, token=token
    )
    devices = [
        device
        for device in DEVICES
        if device.container_format.value == container_format and device.code.removesuffix("-old") in IN_MAILS
    ]
    mode = DeliveryMode(settings.DELIVERY_MODE)
    fetch_url = selfservice_url("selfservice:files", token.pk)
    page = "selfservice:open-tasks" if token.acknowledged_at is None else "selfservice:certificates"
    is_standard = container_format == ContainerFormat.STANDARD.value
    mail = compose(
        about,
        url=fetch_url if mode == DeliveryMode.LINK else selfservice_url(page),
        devices=devices,
        others=[
            each.name for each in DEVICES if is_standard and each.container_format.value != container_format
        ],
        files=files,
        attached=mode != DeliveryMode.LINK,
        fetch_url=fetch_url if mode == DeliveryMode.BOTH else "",
    )
    mail.container_format = container_format
    mail.delivery_mode = mode
    mail.to_address = token.request.delivery_address
    return mail


@mail(_("A file was fetched"), to=PERSON, when=_("each time a file is fetched from Self-Service"))
def file_fetched(token: SoftwareToken, *, container: Container) -> OutgoingMail:
    """To the person: a file was fetched from Self-Service; if it was not you, say so. One for each time."""
    occasion = f"file-fetched:{container.pk}:{container.downloads}"
    about = About("file_fetched", occasion, token.person, request=token.request, token=token)
    return compose(about, url=selfservice_url("selfservice:certificates"), container=container)


@mail(_("A passphrase was shown"), to=PERSON, when=_("when a passphrase was shown for the first time"))
def passphrase_shown(token: SoftwareToken) -> OutgoingMail:
    """To the person: a passphrase was shown for the first time; if it was not you, say so."""
    about = About(
        "passphrase_shown", f"passphrase-shown:{token.pk}", token.person, request=token.request, token=token
    )
    return compose(about, url=selfservice_url("selfservice:certificates"))


@mail(_("The request lapsed"), to=PERSON, when=_("when the terms were not accepted in time"))
def request_lapsed(request: TokenRequest) -> OutgoingMail:
    """To the person: the terms were not accepted in time."""
    about = About("request_lapsed", f"request-lapsed:{request.pk}", request.person, request=request)
    return compose(about, url=selfservice_url("selfservice:ask-again", request.pk))


@mail(_("The software token lapsed"), to=PERSON, when=_("when the passphrase was not noted in time"))
def token_lapsed(token: SoftwareToken) -> OutgoingMail:
    """To the person: the passphrase was not noted in time; ask anew."""
    about = About(
        "token_lapsed", f"token-lapsed:{token.pk}", token.person, request=token.request, token=token
    )
    return compose(about, url=selfservice_url("selfservice:ask-again", token.request_id))


@mail(
    _("A software token ended during a leave"),
    to=PERSON,
    when=_("when a token ended while they were Inactive, before they had it"),
)
def ended_on_leave(token: SoftwareToken) -> OutgoingMail:
    """To the person, who is back: the certificate ended while they were away, so ask anew."""
    about = About("ended_on_leave", f"ended-on-leave:{token.pk}", token.person, token.request, token)
    return compose(about, url=selfservice_url("selfservice:ask-again", token.request_id))


@mail(_("A person was deactivated"), to=PERSON, when=_("when they become Inactive"))
def person_deactivated(leave: Leave, *, held: int, waiting: int) -> OutgoingMail:
    """To the person: you are Inactive from now on; so many tokens are on hold, so many requests wait."""
    about = About("person_deactivated", f"person-deactivated:{leave.pk}", leave.person)
    return compose(about, url="", held=held, waiting=waiting)


@mail(_("A person was activated"), to=PERSON, when=_("when they are Active again"))
def person_activated(leave: Leave, *, reinstated: int, waiting: int) -> OutgoingMail:
    """To the person: you are Active again; so many tokens are back, so many requests go on."""
    about = About("person_activated", f"person-activated:{leave.pk}", leave.person)
    return compose(
        about, url=selfservice_url("selfservice:dashboard"), reinstated=reinstated, waiting=waiting
    )


@mail(
    _("A change of identity was asked for"),
    to=PERSON,
    when=_("when somebody wants to change their e-mail, UPN or SID"),
)
def identity_change_asked(change: IdentityChange) -> OutgoingMail:
    """To the person's present address: somebody wants to change your e-mail, UPN or SID."""
    return _about_change(change, "identity_change_asked")


@mail(
    _("A change of identity was confirmed"),
    to=PERSON,
    when=_("when such a change is made: to their address of before"),
)
def identity_change_done(change: IdentityChange) -> OutgoingMail:
    """To the address of before: your e-mail, UPN or SID was changed."""
    return _about_change(change, "identity_change_done")


@mail(_("A change of identity was not confirmed"), to=PERSON, when=_("when such a change was not confirmed"))
def identity_change_dropped(change: IdentityChange) -> OutgoingMail:
    """To the person's address: the change was not confirmed, so everything stays as it was."""
    return _about_change(change, "identity_change_dropped")


def _about_change(change: IdentityChange, message: str) -> OutgoingMail:
    about = About(message, f"{message}:{change.pk}".replace("_", "-"), change.person)
    mail = compose(about, url="", change=change, lines=change.lines)
    mail.to_address = change.old.get("email", change.person.email)
    return mail


def _decisions_on(order: BatchOrder) -> str:
    """Page where an approver decides on all requests of a batch order."""
    return console_url("console:decisions-of-order", order.pk)


def _page_for(request: TokenRequest, reader: Person) -> str:
    """The page of the request for this reader."""
    if reader.pk == request.person_id:
        return selfservice_url("selfservice:requests")
    return console_url("console:request", request.pk)
