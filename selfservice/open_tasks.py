"""What waits for a person, what is under way for them, and what each says."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch
from django.urls import reverse
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from identity_manager.models import Person, RequestState, SoftwareToken, TokenRequest


@dataclass(frozen=True)
class OpenTask:
    """One task: what to do and where; until when, where that is limited. since is when it came up."""

    title: str
    line: str
    action: str
    url: str
    icon: str
    since: datetime
    until: datetime | None = None


def waiting(person: Person) -> list[OpenTask]:
    """What only the person can do, oldest first: accept terms, note passphrases."""
    found = [*_terms(person), *_passphrases(person)]
    return sorted(found, key=lambda task: task.since)


def under_way(person: Person) -> list[OpenTask]:
    """What moves by itself, or is stuck without the person's doing."""
    return [
        OpenTask(
            title=_("%(types)s for you") % {"types": type_names(request.tokens.all())},
            line=_progress_line(request),
            action=_("See how far it is"),
            url=reverse("selfservice:progress", args=[request.pk]),
            icon="refresh",
            since=request.accepted_at or request.created_at,
        )
        for request in _requests(person, RequestState.ISSUING, RequestState.FAILED)
    ]


def passphrase_tokens(person: Person) -> list[SoftwareToken]:
    """The person's tokens whose passphrase is still to be noted, oldest first."""
    rows = SoftwareToken.objects.filter(person=person).with_unacknowledged_passphrase()
    return list(rows.select_related("token_type").order_by("sealed_at"))


def type_names(tokens: Iterable[SoftwareToken]) -> str:
    """The types in one phrase: "VPN and Signature"."""
    return str(get_text_list([str(token) for token in tokens], _("and")))


def _terms(person: Person) -> list[OpenTask]:
    return [
        OpenTask(
            title=_("Accept the Terms and Conditions for %(types)s")
            % {"types": type_names(request.tokens.all())},
            line=_asked_by(person, request),
            action=_("Read and accept"),
            url=reverse("selfservice:terms", args=[request.pk]),
            icon="paper",
            since=request.decided_at or request.created_at,
            until=request.accept_before,
        )
        for request in _requests(person, RequestState.AWAITING_ACCEPTANCE)
    ]


def _passphrases(person: Person) -> list[OpenTask]:
    return [
        OpenTask(
            title=_("Note the passphrase for %(type)s") % {"type": token},
            line=_("It opens the file that we mail to you, and is shown only here."),
            action=_("See the passphrase"),
            url=reverse("selfservice:passphrase", args=[token.pk]),
            icon="key",
            since=token.sealed_at or token.created_at,
            until=token.passphrase_destroy_at,
        )
        for token in passphrase_tokens(person)
    ]


def _asked_by(person: Person, request: TokenRequest) -> str:
    if request.requested_by_id == person.pk:
        return _("You asked for this. Nothing is issued before you accept.")
    return _("%(name)s asked for this for you. Nothing is issued before you accept.") % {
        "name": request.requested_by
    }


def _progress_line(request: TokenRequest) -> str:
    if request.state == RequestState.FAILED:
        return _("It could not be issued. The office that looks after software tokens knows.")
    return _("Keys and certificates are being made. You have nothing to do.")


def _requests(person: Person, *states: RequestState) -> Iterable[TokenRequest]:
    tokens = Prefetch("tokens", SoftwareToken.objects.select_related("token_type"))
    rows = TokenRequest.objects.filter(person=person, state__in=states).order_by("created_at")
    return rows.select_related("requested_by").prefetch_related(tokens)
