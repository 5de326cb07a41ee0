"""uma's desk: a request or a token in every place where a page of Self-Service can meet it."""

import copy
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.models import (
    Installation,
    RequestState,
    SoftwareToken,
    TermsNotice,
    TokenRequest,
)
from tests.architecture.standing import taken_back
from tests.architecture.url_world import recovery, replacement
from tests.tools import cast
from tests.tools.sign_in import signed_in

Visitor = Callable[..., Client]


class Desk:
    """waiting: terms to accept.  moving: being issued.  sealed: a passphrase to note.  active: done."""

    def __init__(self) -> None:
        self.company = cast.Company()
        self.ada, self.uma, self.sam = self.company.ada, self.company.uma, self.company.sam
        self.waiting = cast.enabled(self.ada, self.uma, cast.token_type("waiting"))
        self.moving = cast.accepted(cast.enabled(self.ada, self.uma, cast.token_type("moving")))
        self.sealed = self.token_of(self._issued("sealed"))
        done = self._issued("active", profiles=("client", "second"))
        cast.delivered(done)
        self.active = cast.noted(self.token_of(done))
        self.replacement = replacement(self.uma)
        self.recovery_id = recovery(self.uma, state=RequestState.DECLINED)
        self.installed = Installation.objects.create(
            token=self.active, device="linux", said_at=timezone.now()
        )
        version = self.waiting.tokens.get().token_type.terms.current_version()
        self.notice = TermsNotice.objects.create(
            person=self.uma,
            document=version.document,
            version=version,
            created_at=timezone.now(),
            due_at=timezone.now(),
        )
        self.text_id = version.text_in("en").pk

    def _issued(self, code: str, profiles: tuple[str, ...] = ("client",)) -> TokenRequest:
        for profile in profiles:
            cast.profile(profile)
        token_type = cast.token_type(code, profiles=profiles)
        return cast.issued(cast.accepted(cast.enabled(self.ada, self.uma, token_type)))

    @staticmethod
    def token_of(request: TokenRequest) -> SoftwareToken:
        """The one token of the request, fresh from the database."""
        return SoftwareToken.objects.get(request=request)

    def addresses(self) -> dict[str, str]:
        """Every page of Self-Service by name; `test_every_page` sees to it that none is missing."""
        certificate = self.active.certificates.first()
        assert certificate is not None
        return {
            "dashboard": page("dashboard"),
            "open-tasks": page("open-tasks"),
            "request-softtoken": page("request-softtoken"),
            "requests": page("requests"),
            "certificates": page("certificates"),
            "file-help": page("file-help"),
            "help": page("help"),
            "withdraw": page("withdraw", self.waiting.pk),
            "remind-approvers": page("remind-approvers", self.waiting.pk),
            "ask-again": page("ask-again", self.waiting.pk),
            "terms": page("terms", self.waiting.pk),
            "terms-text": page("terms-text", self.waiting.pk, self.text_id),
            "terms-again": page("terms-again", self.notice.pk),
            "terms-again-text": page("terms-again-text", self.notice.pk, self.text_id),
            "decline": page("decline", self.waiting.pk),
            "progress": page("progress", self.moving.pk),
            "progress-lines": page("progress-lines", self.moving.pk),
            "passphrase": page("passphrase", self.sealed.pk),
            "acknowledge": page("acknowledge", self.sealed.pk),
            "token": page("token", self.active.pk),
            "lock": page("lock", self.active.pk),
            "revoke-all": page("revoke-all"),
            "replace": page("replace"),
            "replace-one": page("replace-one", self.active.pk),
            "replaced-keys": page("replaced-keys", self.replacement.pk),
            "send-again": page("send-again", self.active.pk),
            "not-arrived": page("not-arrived", self.active.pk),
            "arrived": page("arrived", self.active.pk),
            "installed": page("installed", self.active.pk),
            "not-installed": page("not-installed", self.active.pk, self.installed.pk),
            "files": page("files", self.active.pk),
            "certificate-file": page("certificate-file", certificate.pk, "pem"),
            "chain": page("chain", certificate.pk),
            "recover": page("recover"),
            "recovery-consent": page("recovery-consent", self.recovery_id),
            "forgotten-passphrase": page("forgotten-passphrase"),
            "new-device": page("new-device"),
            "renewals": page("renewals"),
            "renew": page("renew", self.active.pk),
            "not-needed": page("not-needed", self.active.pk),
        }


def page(name: str, *args: uuid.UUID | str) -> str:
    """The address of a page of Self-Service."""
    return reverse(f"selfservice:{name}", args=args)


@pytest.fixture(scope="module")
def standing_desk(django_db_setup: None, django_db_blocker: Any) -> Iterator[Desk]:
    """Built once for a module, and taken back in the end."""
    with django_db_blocker.unblock(), taken_back():
        yield Desk()


@pytest.fixture
def desk(standing_desk: Desk, db: None) -> Desk:
    """As it was built. A module with tests that need the room of the desk has a fixture of its own."""
    return copy.deepcopy(standing_desk)


@pytest.fixture
def visit(db: None) -> Visitor:
    """A browser in which this person has signed in, the seconds ago that are given, or five."""
    return partial(signed_in, seconds_ago=5)
