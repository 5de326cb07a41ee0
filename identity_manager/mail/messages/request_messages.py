"""Mails about a request: decision, terms, outcome. One function per mail.

Each returns an unsaved outbox row and has a folder in templates/emails/ with subject.txt, body.txt and
body.html. A mail says one thing, has one button, and never holds a passphrase or a sign-in link.
"""

from collections.abc import Iterable, Sequence

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.mail import deduplication
from identity_manager.mail.composing import About, compose, console_url, selfservice_url
from identity_manager.mail.registry import APPROVER, OFFICER, PERSON, PERSON_AND_REQUESTER, REQUESTER, mail
from identity_manager.models import (
    AskedApprover,
    Certificate,
    OutgoingMail,
    Person,
    Postponement,
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
    return compose(about, url=selfservice_url("selfservice:open-tasks"), gives_codes=_gives_codes())


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
def approval_reminder(request: TokenRequest, asked: AskedApprover, *, occasion: str = "") -> OutgoingMail:
    """To an approver who was asked and has not decided: it waits. occasion: key of a manual reminder."""
    occasion = occasion or f"approval-reminder:{asked.pk}:{asked.waits_from.isoformat()}"
    about = About("approval_reminder", occasion, asked.approver, request=request)
    return compose(about, url=console_url("console:request", request.pk), since=asked.waits_from)


@mail(_("A postponed request is back"), to=APPROVER, when=_("when a postponed decision comes back"))
def approval_back(request: TokenRequest, postponed: Postponement) -> OutgoingMail:
    """To the approver who postponed it: the time has come."""
    occasion = f"approval-back:{request.pk}:{postponed.until.isoformat()}:{postponed.approver_id}"
    about = About("approval_back", occasion, postponed.approver, request)
    return compose(about, url=console_url("console:request", request.pk))


@mail(
    _("Postponed requests are back"),
    to=APPROVER,
    when=_("when decisions come back that were postponed to the same time"),
)
def approvals_back(postponed: Postponement) -> OutgoingMail:
    """To the approver who postponed several to the same time: one mail for all of them."""
    about = About("approvals_back", deduplication.approvals_back(postponed), postponed.approver)
    return compose(about, url=console_url("console:approvals"))


@mail(_("Nobody decides on a request"), to=OFFICER, when=_("when nobody decides, or nobody can"))
def left_undecided(request: TokenRequest, administrator: Person, *, possible: bool) -> OutgoingMail:
    """To an administrator: nobody decides on the request, or (possible is False) nobody can."""
    occasion = f"left-undecided:{deduplication.round_of(request)}:{administrator.pk}"
    about = About("left_undecided", occasion, administrator, request=request)
    return compose(about, url=console_url("console:request", request.pk), possible=possible)


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
    _("Types were removed from a request"),
    to=PERSON_AND_REQUESTER,
    when=_("when an approver took single types out"),
)
def types_taken_out(
    request: TokenRequest, reader: Person, *, tokens: Iterable[SoftwareToken]
) -> OutgoingMail:
    """To the person and the requester: an approver removed some token types, and why."""
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
    """To the person and the requester: an administrator cancelled the request, and why."""
    about = About("request_cancelled", f"request-cancelled:{request.pk}:{reader.pk}", reader, request=request)
    return compose(about, url=_page_for(request, reader), by=by)


@mail(_("Reminder to accept the terms"), to=PERSON, when=_("some days before the time to accept runs out"))
def acceptance_reminder(request: TokenRequest, *, occasion: str) -> OutgoingMail:
    """To the person: the terms are still to be accepted."""
    about = About("acceptance_reminder", occasion, request.person, request)
    url = selfservice_url("selfservice:terms", request.pk)
    return compose(about, url=url, gives_codes=_gives_codes())


@mail(_("The request lapsed"), to=PERSON, when=_("when the terms were not accepted in time"))
def request_lapsed(request: TokenRequest) -> OutgoingMail:
    """To the person: the terms were not accepted in time."""
    about = About("request_lapsed", f"request-lapsed:{request.pk}", request.person, request=request)
    return compose(about, url=selfservice_url("selfservice:ask-again", request.pk))


@mail(_("A software token could not be issued"), to=PERSON, when=_("when the tokens could not be issued"))
def issuance_failed(request: TokenRequest, *, why: str | Promise) -> OutgoingMail:
    """To the person: it could not be issued, and the officers know. why: a sentence for people."""
    about = About(
        "issuance_failed", f"issuance-failed:{deduplication.round_of(request)}", request.person, request
    )
    return compose(about, url=selfservice_url("selfservice:requests"), why=why)


@mail(
    _("The remaining certificates of a request are issued"),
    to=PERSON,
    when=_("when part of them was refused for good and the remaining certificates are issued"),
)
def rest_given(
    request: TokenRequest, *, given: Sequence[Certificate], left_out: Sequence[Certificate]
) -> OutgoingMail:
    """To the person: some certificates were refused permanently, and they get the others."""
    about = About("rest_given", f"rest-given:{left_out[0].pk}", request.person, request=request)
    return compose(about, url=selfservice_url("selfservice:requests"), given=given, left_out=left_out)


def _gives_codes() -> bool:
    """Whether a sign-in code helps a person who cannot sign in: only with local passwords."""
    return "password" in settings.SIGN_IN_METHODS["selfservice"]


def _page_for(request: TokenRequest, reader: Person) -> str:
    """The page of the request for this reader."""
    if reader.pk == request.person_id:
        return selfservice_url("selfservice:requests")
    return console_url("console:request", request.pk)
