"""What an administrator can do with a request and its tokens; and where not, why not."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.models import Certificate, RequestState, SoftwareToken, TokenRequest
from identity_manager.models.certificate import REVOCATION_REASONS
from identity_manager.models.token_request import BEFORE_ISSUED
from identity_manager.workflow import policy, revoke, side_roads
from identity_manager.workflow.errors import Reason


@dataclass(frozen=True)
class Action:
    """A thing to do: its page, or the reason why it cannot be done now. immediate: the button does it."""

    label: str | Promise
    url: str
    reason: Reason | None = None
    dangerous: bool = False
    immediate: bool = False


@dataclass(frozen=True)
class TokenLine:
    """A token on a page, with its certificates and what can be done with it."""

    token: SoftwareToken
    certificates: Sequence[Certificate]
    actions: Sequence[Action]

    @property
    def reason_words(self) -> str | Promise:
        """Why it ended: a revocation reason in words, else the sentence that was kept."""
        return dict(REVOCATION_REASONS).get(self.token.reason, self.token.reason)


def of_request(row: TokenRequest, *, administers: bool) -> list[Action]:
    """Retry and cancel; nothing for who is no administrator of it."""
    if not administers:
        return []
    failed = row.state == RequestState.FAILED
    return [
        Action(
            _("Retry"),
            reverse("console:request-retry", args=[row.pk]),
            None if failed else side_roads.NOT_FAILED,
            immediate=True,
        ),
        Action(
            _("Cancel the request"),
            reverse("console:request-cancel", args=[row.pk]),
            None if row.state in BEFORE_ISSUED else side_roads.NOT_OPEN,
            dangerous=True,
        ),
    ]


def of_token(token: SoftwareToken, *, administers: bool) -> TokenLine:
    """Send again and revoke; nothing for who is no administrator of it."""
    certificates = list(token.certificates.all())
    if not administers:
        return TokenLine(token, certificates, [])
    sendable = policy.can_be_sent(token) and token.person.is_active
    offered = [
        Action(
            _("Send again"),
            reverse("console:token-send-again", args=[token.pk]),
            None if sendable else side_roads.NOT_SENDABLE,
        ),
        Action(
            _("Revoke"),
            reverse("console:token-revoke", args=[token.pk]),
            None if policy.can_be_revoked(token) else revoke.NOT_IN_USE,
            dangerous=True,
        ),
    ]
    return TokenLine(token, certificates, offered)
