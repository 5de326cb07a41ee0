"""Tracking webhook of the e-mail service provider: bounces, deferrals and complaints of accepted mails.

anymail parses the provider's payload and verifies its secret (HTTP Basic, a signature where the provider
signs); here events are passed to the workflow. There is a webhook only for the configured provider, and only
with a WEBHOOK_SECRET: anymail's own URLs would open those of every provider.
"""

import hashlib
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from allauth.core import ratelimit
from anymail.exceptions import AnymailConfigurationError
from anymail.signals import AnymailTrackingEvent, EventType, tracking
from anymail.urls import urlpatterns as anymail_addresses
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ca_bridge.errors import storable_text
from identity_manager.models import MailEventKind
from identity_manager.workflow.delivery import bounces

ACTION = "mail_webhook"  # its limit is in ACCOUNT_RATE_LIMITS
BACKENDS = "anymail.backends."
KINDS = {
    EventType.BOUNCED: MailEventKind.BOUNCED,
    EventType.REJECTED: MailEventKind.BOUNCED,
    EventType.FAILED: MailEventKind.BOUNCED,
    EventType.DEFERRED: MailEventKind.DELAYED,
    EventType.COMPLAINED: MailEventKind.COMPLAINED,
}
# Exceptions of anymail for malformed payloads.
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, AnymailConfigurationError)

logger = logging.getLogger(__name__)
Reader = Callable[[HttpRequest], HttpResponse]


def addresses() -> list[URLPattern]:
    """The webhook's address, where a provider and a secret are configured; else none."""
    provider = settings.EMAIL_BACKEND.removeprefix(BACKENDS).partition(".")[0]
    if not settings.ANYMAIL.get("WEBHOOK_SECRET") or _reader(provider) is None:
        return []
    return [path(f"{provider}/", receive_events, {"provider": provider}, name="mail-webhook")]


@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["HEAD", "POST"])
def receive_events(request: HttpRequest, provider: str) -> HttpResponse:
    """Receive events: 200 stored, 400 malformed or wrong secret, 429 rate limit.

    Any other fault is a 500, after which the provider repeats the call.
    """
    read = _reader(provider)
    if read is None:
        return HttpResponse(status=HTTPStatus.NOT_FOUND)
    if not ratelimit.consume(request, action=ACTION):
        return HttpResponse(status=HTTPStatus.TOO_MANY_REQUESTS)
    try:
        return read(request)
    except UNREADABLE as error:
        logger.warning("The webhook of %s got what it cannot read: %s", provider, type(error).__name__)
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)


@receiver(tracking, dispatch_uid="identity_manager.mail_webhook")
def _store_event(event: AnymailTrackingEvent, esp_name: str, **_: Any) -> None:
    """Receiver of anymail's signal, once per event; irrelevant kinds of events are ignored."""
    kind = KINDS.get(event.event_type)
    if kind is None or not event.message_id:
        return
    notice = bounces.Notice(
        key=_key(event, esp_name),
        provider=esp_name[:40],
        kind=kind,
        message_id=storable_text(str(event.message_id))[:200],
        code=storable_text(f"{esp_name}: {event.reject_reason or event.event_type}")[:60],
        detail=storable_text(" ".join(str(event.mta_response or event.description or "").split()))[:500],
    )
    bounces.receive_notice(notice=notice)


def _key(event: AnymailTrackingEvent, esp_name: str) -> str:
    """Deduplication key of an event, equal at each repetition, also for providers without event ids."""
    parts = (esp_name, event.event_type, event.message_id, event.event_id or event.timestamp)
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _reader(provider: str) -> Reader | None:
    """anymail's view for this provider's tracking; Mandrill has one for everything."""
    names = (f"{provider}_tracking_webhook", f"{provider}_webhook")
    found = [pattern.callback for pattern in anymail_addresses if pattern.name in names]
    return found[0] if found else None
