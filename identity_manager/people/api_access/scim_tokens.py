"""Verbs on bearer tokens of SCIM clients. They permit to create persons, so two officers make one."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import DirectorySource, Person, ScimToken
from identity_manager.models.people.vouching import Exclusion
from identity_manager.people.api_access import client_credentials
from identity_manager.people.api_access.client_credentials import MOST_DAYS
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import Reason, require

NOT_ADMINISTRATOR = Reason(
    "scim-token-not-administrator", _("A System Administrator makes and confirms tokens of SCIM clients.")
)
OWN_SCIM_TOKEN = Reason(
    "own-scim-token", _("Another System Administrator confirms the token, not who made it.")
)
TOKEN_NOT_WAITING = Reason("scim-token-not-waiting", _("This token does not wait any more."))
TOKEN_ENDED = Reason("scim-token-ended", _("This token has ended already."))
NO_SCIM_SOURCE = Reason("no-scim-source", _("The settings have no source of this name that SCIM writes to."))
NO_TOKEN_NAME = Reason("no-scim-token-name", _("Name the client that the token is for."))
BAD_VALIDITY = Reason("bad-scim-token-validity", _("A token is valid for 1 to 730 days."))
SEEN_EVERY = timedelta(minutes=5)
REASONS = {Exclusion.OFFICE: NOT_ADMINISTRATOR, Exclusion.ASKED: OWN_SCIM_TOKEN}


def make(*, actor: Person, source: str, name: str, days: int) -> tuple[ScimToken, str]:
    """Make a token, which opens nothing before another officer confirms it; return it with its secret, once.

    Raises NotAllowed or NotPossible.
    """
    configured = settings.DIRECTORY_SOURCES.get(source)
    with transaction.atomic():
        client_credentials.require_administrator(actor, else_=NOT_ADMINISTRATOR)
        require(configured is not None and configured.kind == "scim", else_=NO_SCIM_SOURCE)
        require(name.strip(), else_=NO_TOKEN_NAME, field="name")
        require(1 <= days <= MOST_DAYS, else_=BAD_VALIDITY, field="days")
        due = {"next_attempt_at": timezone.now()}
        row, _made = DirectorySource.objects.get_or_create(name=source, defaults=due)
        secret, digest = client_credentials.new_token()
        token = ScimToken.objects.create(
            source=row,
            name=name.strip()[:60],
            digest=digest,
            expires_at=timezone.now() + timedelta(days=days),
            asked_by=actor,
        )
        _record(audit.Event.SCIM_CLIENT_MADE, token, actor)
        return token, secret


def confirm(*, actor: Person, token_id: uuid.UUID) -> ScimToken:
    """Confirm as another System Administrator; the client may write from now on. Raises NotAllowed, Stale."""
    with transaction.atomic():
        token = locking.scim_token(token_id)
        second_officer.require(actor, token, reasons=REASONS, not_waiting=TOKEN_NOT_WAITING)
        token.confirm(by=actor, now=timezone.now())
        token.save()
        _record(audit.Event.SCIM_CLIENT_CONFIRMED, token, actor)
        return token


def revoke(*, actor: Person, token_id: uuid.UUID) -> ScimToken:
    """Any System Administrator ends a token, confirmed or not, at once. Raises NotAllowed or Stale."""
    with transaction.atomic():
        client_credentials.require_administrator(actor, else_=NOT_ADMINISTRATOR)
        token = locking.scim_token(token_id)
        client_credentials.end(token, actor=actor, ended=TOKEN_ENDED)
        _record(audit.Event.SCIM_CLIENT_REVOKED, token, actor)
        return token


def used(*, source: str, secret: str) -> ScimToken | None:
    """The usable token of this source with this secret, or None; records its use."""
    now = timezone.now()
    configured = settings.DIRECTORY_SOURCES.get(source)
    if not secret or configured is None or configured.kind != "scim":
        return None
    rows = ScimToken.objects.usable(now).of(secret.encode()).filter(source__name=source)
    token = rows.select_related("source").first()
    if token and (token.last_used_at is None or token.last_used_at < now - SEEN_EVERY):
        ScimToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def _record(event: audit.Event, token: ScimToken, actor: Person) -> None:
    audit.record(event, actor=actor, subject=None, source=token.source.name, client=token.name)
