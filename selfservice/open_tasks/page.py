"""Open tasks of a person, requests under way, and lapsed ones."""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity_manager.models import (
    DeliveryState,
    Person,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenState,
)
from identity_manager.queries import selfservice_pages
from selfservice.requests import request_summaries, type_choices

ASKING_AGAIN = timedelta(days=90)
_CAME = gettext_lazy("Came")
_LAPSED_TOKEN = gettext_lazy("Its passphrase was not noted in time, so it was destroyed. You can ask again.")
_LAPSED_REQUEST = gettext_lazy("The Terms and Conditions were not accepted in time. You can ask again.")


@dataclass(frozen=True)
class OpenTask:
    """One task: action, page, deadline if any. came: reason why it reappeared."""

    title: str
    line: str | Promise
    action: str
    url: str
    icon: str
    since: datetime
    until: datetime | None = None
    came: str | Promise = _CAME


@dataclass(frozen=True)
class OpenTasks:
    """waiting: for the person, oldest first. under_way: requests that wait for others or are being issued."""

    waiting: list[OpenTask]
    under_way: list[OpenTask]


def of(person: Person, kinds: Container[str]) -> OpenTasks:
    """Open tasks from the person's requests, tokens and notices, and requests in progress.

    kinds: those that wait (selfservice_pages.waiting); nothing is read for the others.
    """
    to_accept, going_on = selfservice_pages.open_requests(person)
    return OpenTasks(_waiting(person, to_accept, kinds), _under_way(going_on))


def _waiting(person: Person, to_accept: list[TokenRequest], kinds: Container[str]) -> list[OpenTask]:
    """Accept terms, consent, note passphrases, fetch files, renew."""
    found = [
        *_terms(person, to_accept),
        *(task for kind, tasks in _BY_KIND.items() if kind in kinds for task in tasks(person)),
    ]
    return sorted(found, key=lambda task: task.since)


def _under_way(requests: list[TokenRequest]) -> list[OpenTask]:
    return [
        OpenTask(
            title=_("%(types)s for you") % {"types": type_names(request.lines)},
            line=request_summaries.line(request),
            action=_("See how far it is"),
            url=_whereabouts(request),
            icon="pause" if request.stopped_at else "refresh",
            since=request.stopped_at or request.accepted_at or request.created_at,
        )
        for request in requests
    ]


def lapsed(person: Person, possessions: Container[str]) -> list[OpenTask]:
    """Recently lapsed tokens and requests that the person can request again, latest first."""
    if selfservice_pages.LAPSED not in possessions:
        return []
    ended = [token for token in _lapsed_tokens(person) if token.ended_at is not None]
    if not ended:
        return []
    offered = type_choices.codes(person)
    return [
        OpenTask(
            title=_("%(type)s has lapsed") % {"type": token},
            line=_LAPSED_TOKEN if token.state == TokenState.LAPSED else _LAPSED_REQUEST,
            action=_("Ask again"),
            url=reverse("selfservice:ask-again", args=[token.request_id]),
            icon="clock",
            since=token.ended_at or token.created_at,
            came=gettext_lazy("Ended"),
        )
        for token in ended
        if token.type_code in offered
    ]


def _lapsed_tokens(person: Person) -> list[SoftwareToken]:
    """Latest token of each type if it lapsed recently and was not requested again."""
    latest: dict[str, SoftwareToken] = {}
    for token in selfservice_pages.tokens(person.pk):
        latest.setdefault(token.type_code, token)
    since = timezone.now() - ASKING_AGAIN
    return [
        token
        for token in latest.values()
        if RequestState.LAPSED in (token.state, token.request.state)
        and token.ended_at is not None
        and token.ended_at > since
    ]


def type_names(tokens: Iterable[SoftwareToken]) -> str:
    """Types in one phrase: "VPN and Signature"."""
    return str(get_text_list([str(token) for token in tokens], _("and")))


def _terms(person: Person, requests: list[TokenRequest]) -> list[OpenTask]:
    return [
        OpenTask(
            title=_("Accept the Terms and Conditions for %(types)s") % {"types": type_names(request.lines)},
            line=_asked_by(person, request),
            action=_("Read and accept"),
            url=reverse("selfservice:terms", args=[request.pk]),
            icon="paper",
            since=request.decided_at or request.created_at,
            until=request.accept_before,
        )
        for request in requests
    ]


def _terms_again(person: Person) -> list[OpenTask]:
    now = timezone.now()
    return [
        OpenTask(
            title=_("Accept the new version of %(document)s") % {"document": notice.document},
            line=_("Its time is over, but you can still accept it.")
            if notice.is_late(now)
            else _("It holds for software tokens that you have already."),
            action=_("Read and accept"),
            url=reverse("selfservice:terms-again", args=[notice.pk]),
            icon="paper",
            since=notice.created_at,
            until=None if notice.is_late(now) else notice.due_at,
        )
        for notice in selfservice_pages.terms_to_accept_again(person.pk)
    ]


def _consents(person: Person) -> list[OpenTask]:
    return [
        OpenTask(
            title=_("Somebody else is to get your archived keys"),
            line=_("Say whether you agree that %(name)s gets them.") % {"name": recovery.request.person},
            action=_("Read and answer"),
            url=reverse("selfservice:recovery-consent", args=[recovery.pk]),
            icon="key",
            since=recovery.created_at,
        )
        for recovery in selfservice_pages.consents_asked(person.pk)
    ]


def _passphrases(person: Person) -> list[OpenTask]:
    return [
        OpenTask(
            title=_("Note the passphrase for %(type)s") % {"type": token},
            line=_("It opens your file, and is shown only here."),
            action=_("See the passphrase"),
            url=reverse("selfservice:passphrase", args=[token.pk]),
            icon="key",
            since=token.sealed_at or token.created_at,
            until=token.passphrase_destroy_at,
        )
        for token in selfservice_pages.tokens_to_note(person.pk)
    ]


def _renewals(person: Person) -> list[OpenTask]:
    return [
        OpenTask(
            title=_("Renew %(type)s") % {"type": notice.token},
            line=_("It ends soon. The present token goes on until the new one works."),
            action=_("Renew or answer"),
            url=reverse("selfservice:renew", args=[notice.token_id]),
            icon="refresh",
            since=notice.created_at,
            until=notice.ends_at,
        )
        for notice in selfservice_pages.renewals_due(person.pk)
    ]


def _files(person: Person) -> list[OpenTask]:
    """Files that mail did not deliver, or only linked."""
    return [
        OpenTask(
            title=_("Fetch your file for %(type)s") % {"type": token},
            line=_("The mail with it did not arrive. The file waits for you here.")
            if token.delivery == DeliveryState.BOUNCED
            else _("The file waits for you here."),
            action=_("Fetch the file"),
            url=reverse("selfservice:files", args=[token.pk]),
            icon="file-key",
            since=token.sealed_at or token.created_at,
        )
        for token in selfservice_pages.tokens_to_fetch(person.pk)
    ]


def _asked_by(person: Person, request: TokenRequest) -> str:
    if request.requested_by_id == person.pk:
        return _("You asked for this. Nothing is issued before you accept.")
    return _("%(name)s asked for this for you. Nothing is issued before you accept.") % {
        "name": request.requested_by
    }


def _whereabouts(request: TokenRequest) -> str:
    """Page with the progress: issuance, or the list of requests."""
    if request.state in (RequestState.ISSUING, RequestState.FAILED):
        return reverse("selfservice:progress", args=[request.pk])
    return reverse("selfservice:requests")


_BY_KIND: dict[str, Callable[[Person], list[OpenTask]]] = {
    selfservice_pages.TERMS_AGAIN: _terms_again,
    selfservice_pages.CONSENT: _consents,
    selfservice_pages.PASSPHRASE: _passphrases,
    selfservice_pages.FILE: _files,
    selfservice_pages.RENEWAL: _renewals,
}
