"""Mails about tokens without a confirmed installation. One function per mail."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from identity_manager.mail import deduplication
from identity_manager.mail.composing import About, compose, selfservice_url
from identity_manager.mail.registry import PERSON, mail
from identity_manager.models import InstallationNotice, OutgoingMail, SoftwareToken


@mail(
    _("Is the software token installed?"),
    to=PERSON,
    when=_("when the person has not said that a token is installed, by the rule of its type"),
)
def installation_due(
    token: SoftwareToken, *, notice: InstallationNotice, number: int, revoke_at: datetime | None
) -> OutgoingMail:
    """To the person: install it, and confirm that. revoke_at: when it is revoked otherwise, or None."""
    occasion = deduplication.installation_due(notice, number=number)
    about = About("installation_due", occasion, token.person, token.request, token)
    return compose(about, url=selfservice_url("selfservice:token", token.pk), revoke_at=revoke_at)


@mail(
    _("A software token that nobody installed was revoked"),
    to=PERSON,
    when=_("when a token was revoked, because the person has not said that it is installed"),
)
def installation_over(token: SoftwareToken) -> OutgoingMail:
    """To the person: it is revoked, and they can ask anew."""
    about = About("installation_over", f"installation-over:{token.pk}", token.person, token.request, token)
    return compose(about, url=selfservice_url("selfservice:ask-again", token.request_id))
