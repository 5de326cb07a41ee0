"""Token on a page: ordered content, issued certificates, actions or reasons."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import get_text_list
from django.utils.translation import gettext_lazy as _

from identity_manager.console.approvals import certificate_content
from identity_manager.console.approvals.certificate_content import CertificateLine
from identity_manager.console.requests.actions import ActionOffer, RequestAction
from identity_manager.mail import install
from identity_manager.models import Installation, SoftwareToken, TokenState
from identity_manager.models.catalogue.token_type import KEY_ALGORITHMS
from identity_manager.models.requests.revocation_reasons import REVOCATION_REASONS
from identity_manager.workflow.delivery import resending
from identity_manager.workflow.renewal import policy
from identity_manager.workflow.revocation import hold, revoke
from identity_manager.workflow.snapshot import Difference

NOT_HANDED_OUT_YET = (TokenState.ORDERED, TokenState.ISSUING)


@dataclass(frozen=True)
class TokenCard:
    """One token with its certificates and actions."""

    token: SoftwareToken
    certificates: Sequence[CertificateLine]
    actions: Sequence[RequestAction]
    administers: bool = False

    @property
    def changes(self) -> Sequence[Difference]:
        """Of a renewal: what differs from the last issue."""
        return policy.changes(self.token)

    @property
    def installed(self) -> bool:
        """Whether an installation was or can be confirmed."""
        return self.token.can_be_installed or self.token.installed_at is not None

    @property
    def installations(self) -> Sequence[Installation]:
        """Confirmed installations that were not taken back."""
        return [*Installation.objects.standing_of(self.token)] if self.token.installed_at else []

    @property
    def devices(self) -> str:
        """The devices for which the person wants the files; empty where they did not say."""
        named = install.chosen(self.token.request.devices)
        return str(get_text_list([str(each.name) for each in named], _("and")))

    @property
    def keys(self) -> str:
        """The key algorithm that was asked for, in words; empty where no key is made."""
        asked = str(self.token.snapshot.get("key_algorithm", ""))
        return dict(KEY_ALGORITHMS).get(asked, asked)

    @property
    def reason_words(self) -> str | Promise:
        """Reason of the token's end: that of the revocation in words, or the stored sentence."""
        return REVOCATION_REASONS.get(self.token.reason, self.token.reason_words)


def card(token: SoftwareToken, offer: ActionOffer) -> TokenCard:
    """The card of a token from queries.console_pages, with its actions."""
    actions = offer.of(_actions(token, offer)) if offer.administers else []
    return TokenCard(token, certificate_content.of_token(token), actions, offer.administers)


def _actions(token: SoftwareToken, offer: ActionOffer) -> list[RequestAction]:
    """Resend, hold or reinstate, revoke; none before the token is issued."""
    if token.state in NOT_HANDED_OUT_YET:
        return []
    return [
        RequestAction(
            _("Send again"),
            _page("send-again", token, offer),
            offer.not_by_you or resending.sending_obstacle(token),
        ),
        *_hold_actions(token, offer),
        RequestAction(_("Revoke"), _page("revoke", token, offer), revoke.obstacle(token), dangerous=True),
    ]


def _hold_actions(token: SoftwareToken, offer: ActionOffer) -> list[RequestAction]:
    """Put on hold, or its end; neither once the token has ended."""
    if token.state == TokenState.ON_HOLD:
        url = _page("reinstate", token, offer)
        return [RequestAction(_("Reinstate"), url, hold.reinstatement_obstacle(token))]
    if hold.hold_obstacle(token) is not None:
        return []
    return [RequestAction(_("Put on hold"), _page("hold", token, offer), dangerous=True)]


def _page(what: str, token: SoftwareToken, offer: ActionOffer) -> str:
    query = f"?back={offer.back}" if offer.back else ""
    return reverse(f"console:token-{what}", args=[token.pk]) + query
