"""Token status in plain words, for its person."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity_manager.models import (
    Certificate,
    CertificateState,
    DeliveryMode,
    SoftwareToken,
    TokenState,
)
from identity_manager.models.words import Vocabulary, Words
from identity_manager.ui import states
from identity_manager.ui.parts import Meaning

LINES = Vocabulary(
    "states of tokens, for the person",
    {
        TokenState.ACTIVE: gettext_lazy("Ready to be used on your devices."),
        TokenState.ON_HOLD: gettext_lazy("On hold: its certificates do not count at present."),
        TokenState.LAPSED: gettext_lazy(
            "Its passphrase was not noted in time. Its certificates are revoked."
        ),
        TokenState.REVOKED: gettext_lazy("Its certificates are revoked for good."),
        TokenState.EXPIRED: gettext_lazy("Its certificates have ended."),
        TokenState.REPLACED: gettext_lazy("A newer one has taken its place."),
    },
    unknown="",
)


@dataclass(frozen=True)
class TokenStatus:
    """Badge (word and meaning) and one line."""

    meaning: Meaning
    word: Words
    line: str


def of_token(token: SoftwareToken) -> TokenStatus:
    """Return the token's state; a sealed one waits for the person, or for the mail server."""
    if token.is_to_be_noted:
        return TokenStatus(Meaning.WAITING, _("Waits for you"), _("Its passphrase is still to be noted."))
    if token.is_to_be_fetched:
        return TokenStatus(Meaning.WAITING, _("Waits for you"), _("Its file is still to be fetched."))
    if token.state == TokenState.SEALED:
        if token.is_by_targets:
            line = _("Its keys are on their way to where they are used. You have nothing to do.")
        elif by_link():
            line = _("You have its passphrase; a mail says when you can fetch the file here.")
        else:
            line = _("You have its passphrase; the file comes by mail.")
        return TokenStatus(Meaning.INFORMATION, _("On its way"), line)
    return TokenStatus(states.meaning_of(token), TokenState(token.state).label, _line(token))


def by_link() -> bool:
    """Whether mails only link to the files, which are fetched here."""
    return bool(settings.DELIVERY_MODE == DeliveryMode.LINK)


def of_certificate(certificate: Certificate) -> TokenStatus:
    """Return the certificate's state; a decided revocation counts as revoked."""
    if certificate.revocation_waits and certificate.by_hand_since is not None:
        return TokenStatus(
            Meaning.STOPPED,
            _("Revoked here"),
            _(
                "An administrator has it revoked at its certificate authority; until then others may go "
                "on trusting it."
            ),
        )
    if certificate.state == CertificateState.VALID and certificate.revocation_decided_at is not None:
        return TokenStatus(Meaning.STOPPED, _("Being revoked"), "")
    return TokenStatus(states.meaning_of(certificate), CertificateState(certificate.state).label, "")


def _line(token: SoftwareToken) -> str:
    if token.token_type is None and token.state in (TokenState.LAPSED, TokenState.REVOKED):
        return _("Its files are gone. The keys stay archived, and can be recovered again.")
    if token.is_by_targets and token.state == TokenState.ACTIVE:
        return _("Its keys are where they are used. There is no file and no passphrase.")
    return str(LINES.in_words(token.state))
