"""A token as pages show it: what it is to say, what the CA issued, what can be done with it, or why not."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.console import certificate_content
from identity_manager.console.actions import Action
from identity_manager.console.certificate_content import CertificateLine
from identity_manager.models import SoftwareToken, TokenState
from identity_manager.models.certificate import REVOCATION_REASONS
from identity_manager.models.token_type import KEY_ALGORITHMS
from identity_manager.workflow import hold, revoke, side_roads
from identity_manager.workflow.errors import Reason

NOT_HANDED_OUT_YET = (TokenState.ORDERED, TokenState.ISSUING)


@dataclass(frozen=True)
class TokenCard:
    """One token with its certificates and actions."""

    token: SoftwareToken
    certificates: Sequence[CertificateLine]
    actions: Sequence[Action]

    @property
    def keys(self) -> str:
        """The key algorithm that was asked for, in words."""
        asked = str(self.token.snapshot["key_algorithm"])
        return dict(KEY_ALGORITHMS).get(asked, asked)

    @property
    def reason_words(self) -> str | Promise:
        """Why it ended: a revocation reason in words, else the sentence that was kept."""
        return dict(REVOCATION_REASONS).get(self.token.reason, self.token.reason_words)


def card(token: SoftwareToken, *, administers: bool, not_by_you: Reason | None = None) -> TokenCard:
    """The card of a token from page_rows; with actions for its administrator.

    not_by_you: why this administrator has no file sent again.
    """
    actions = _actions(token, not_by_you) if administers else []
    return TokenCard(token, certificate_content.of_token(token), actions)


def _actions(token: SoftwareToken, not_by_you: Reason | None) -> list[Action]:
    """Send again and revoke; nothing before there is something to send or revoke."""
    if token.state in NOT_HANDED_OUT_YET:
        return []
    return [
        Action(
            _("Send again"),
            reverse("console:token-send-again", args=[token.pk]),
            not_by_you or side_roads.sending_obstacle(token),
        ),
        *_hold_actions(token),
        Action(
            _("Revoke"),
            reverse("console:token-revoke", args=[token.pk]),
            revoke.obstacle(token),
            dangerous=True,
        ),
    ]


def _hold_actions(token: SoftwareToken) -> list[Action]:
    """Put on hold, or its end; neither once the token has ended."""
    if token.state == TokenState.ON_HOLD:
        url = reverse("console:token-reinstate", args=[token.pk])
        return [Action(_("Reinstate"), url, hold.reinstatement_obstacle(token))]
    if hold.hold_obstacle(token) is not None:
        return []
    return [Action(_("Put on hold"), reverse("console:token-hold", args=[token.pk]), dangerous=True)]
