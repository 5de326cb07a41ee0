"""Verbs on clients of the REST API: one System Administrator makes one, another one confirms it.

A client acts as a person of its own (Person.is_api_client), who never signs in and gets no token. Both who
made the client count as asking for whatever it asks for (Person.client_makers).
"""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.database.prepared_queries import Statement
from ca_bridge.errors import CaError
from ca_bridge.x509 import certificates as x509
from identity_manager import audit
from identity_manager.models import (
    ApiClient,
    ApiMethod,
    ApiScope,
    Certificate,
    Person,
    PersonKind,
    PersonSource,
    PersonState,
    RoleAssignment,
)
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.vouching import Exclusion
from identity_manager.people.api_access import client_credentials
from identity_manager.people.api_access.client_credentials import MOST_DAYS
from identity_manager.people.officers import roles
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import Reason, refuse, refused_if_not_unique, require

PREFIX = "imc_"  # a fixed prefix, by which secret scanners recognise tokens
MOST_CALLS = 600  # a minute
MOST_UNITS = 50
LONGEST_UNIT = 200

NOT_ADMINISTRATOR = Reason(
    "api-client-not-administrator", _("A System Administrator makes and confirms clients of the API.")
)
OWN_CLIENT = Reason("own-api-client", _("Another System Administrator confirms the client, not who made it."))
NOT_WAITING = Reason("api-client-not-waiting", _("This client does not wait any more."))
ENDED = Reason("api-client-ended", _("This client has ended already."))
NO_NAME = Reason("no-api-client-name", _("Name the program that the client is for."))
NO_SCOPE = Reason("no-api-client-scope", _("Choose what the client may do."))
BAD_VALIDITY = Reason("bad-api-client-validity", _("A client is valid for 1 to 730 days."))
TOO_MANY_UNITS = Reason(
    "too-many-api-client-units", _("A client is for at most 50 organisational units, or for all.")
)
NO_CERTIFICATE = Reason(
    "no-api-client-certificate", _("This is no certificate, or one that has ended. Paste it as PEM.")
)
CERTIFICATE_TAKEN = Reason(
    "api-client-certificate-taken", _("Another client has this certificate, or had it.")
)
REASONS = {Exclusion.OFFICE: NOT_ADMINISTRATOR, Exclusion.ASKED: OWN_CLIENT}

# Every call asks these, so their SQL is compiled once.
_SHOWN = Statement[ApiClient](
    lambda digest: ApiClient.objects.filter(digest=digest).select_related("actor"), digest=models.CharField()
)
_ISSUED = Statement[Certificate](
    lambda digest: Certificate.objects.filter(fingerprint_sha256=digest).select_related("token"),
    digest=models.CharField(),
)
_ROLES = Statement[RoleAssignment](
    lambda person: RoleAssignment.objects.filter(person=person), person=models.UUIDField()
)


@dataclass(frozen=True)
class ApiClientInput:
    """The input for a new client. units: empty for all. certificate: DER, or empty for a bearer token."""

    name: str
    days: int
    scopes: Sequence[str]
    units: Sequence[str] = ()
    certificate: bytes = b""


def make(*, actor: Person, wanted: ApiClientInput) -> tuple[ApiClient, str]:
    """Make a client, which opens nothing before another officer confirms it; with its token, shown once.

    The token is empty for a client with a certificate. Raises NotAllowed or NotPossible.
    """
    with transaction.atomic():
        client_credentials.require_administrator(actor, else_=NOT_ADMINISTRATOR)
        _check(wanted)
        secret, digest = client_credentials.new_token(PREFIX)
        if wanted.certificate:
            secret, digest = "", hashlib.sha256(wanted.certificate).hexdigest()
            taken = ApiClient.objects.filter(digest=digest).exists()
            refuse(CERTIFICATE_TAKEN if taken else None, field="certificate")
            refuse(NO_CERTIFICATE if _has_ended_here(digest, timezone.now()) else None, field="certificate")
        client = ApiClient(
            actor=_person(wanted.name.strip(), actor),
            name=wanted.name.strip(),
            method=ApiMethod.CERTIFICATE if wanted.certificate else ApiMethod.BEARER,
            scopes=[scope.value for scope in ApiScope if scope in wanted.scopes],
            units=sorted(set(wanted.units)),
            digest=digest,
            expires_at=_end(wanted),
            asked_by=actor,
        )
        with refused_if_not_unique(CERTIFICATE_TAKEN, field="certificate"):
            client.save()
        _record(audit.Event.API_CLIENT_MADE, client, actor)
        return client, secret


def confirm(*, actor: Person, client_id: uuid.UUID) -> ApiClient:
    """Confirm as another System Administrator; the client is usable from now on.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        client = locking.api_client(client_id)
        second_officer.require(actor, client, reasons=REASONS, not_waiting=NOT_WAITING)
        client.confirm(by=actor, now=timezone.now())
        client.save()
        client.actor.activate()
        client.actor.save()
        for unit in client.units or [""]:
            roles.give_to_api_client(client.actor, unit=unit, until=client.expires_at, actor=actor)
        _record(audit.Event.API_CLIENT_CONFIRMED, client, actor)
        return client


def revoke(*, actor: Person, client_id: uuid.UUID) -> ApiClient:
    """Any System Administrator ends a client, confirmed or not, at once. Raises NotAllowed or Stale.

    Its batch orders stop, because the asker has no role any more.
    """
    with transaction.atomic():
        client_credentials.require_administrator(actor, else_=NOT_ADMINISTRATOR)
        client = locking.api_client(client_id)
        client_credentials.end(client, actor=actor, ended=ENDED)
        roles.withdraw_all(client.actor, actor=actor)
        if client.actor.state != PersonState.LOCKED:
            client.actor.lock()
            client.actor.save()
        _record(audit.Event.API_CLIENT_REVOKED, client, actor)
        return client


def used(shown: bytes, *, method: ApiMethod) -> ApiClient | None:
    """The usable client with this token or certificate (DER), or None; records its use.

    A certificate of this installation must be usable, too: not revoked, not on hold. The actor's roles are
    loaded: their person must be Active and hold the role still. calls is the number of calls in this minute,
    with this one.
    """
    now = timezone.now()
    minute = int(now.timestamp()) // 60
    digest = hashlib.sha256(shown).hexdigest()
    client = _SHOWN.first(digest=digest)
    if client is None or client.method != method or not (client.is_usable(now) and client.actor.is_active):
        return None
    if method == ApiMethod.CERTIFICATE and _has_ended_here(digest, now):
        return None
    client.actor.know_roles(_ROLES.rows(person=client.actor_id))
    if not client.actor.roles_in_force():
        return None
    is_first = client.minute != minute
    counted = 1 if is_first else F("calls") + 1
    ApiClient.objects.filter(pk=client.pk).update(minute=minute, calls=counted, last_used_at=now)
    client.calls = 1 if is_first else client.calls + 1
    return client


def _has_ended_here(digest: str, now: datetime) -> bool:
    """Whether this installation has issued the certificate, and accepts it no more."""
    issued = _ISSUED.first(digest=digest)
    return issued is not None and not issued.authenticates(now)


def _check(wanted: ApiClientInput) -> None:
    require(wanted.name.strip(), else_=NO_NAME, field="name")
    require(1 <= wanted.days <= MOST_DAYS, else_=BAD_VALIDITY, field="days")
    known = wanted.scopes and set(wanted.scopes) <= set(ApiScope.values)
    require(known, else_=NO_SCOPE, field="scopes")
    fit = len(wanted.units) <= MOST_UNITS and all(0 < len(unit) <= LONGEST_UNIT for unit in wanted.units)
    require(fit, else_=TOO_MANY_UNITS, field="units")


def _end(wanted: ApiClientInput) -> datetime:
    """With a certificate at the latest when that ends. Raises NotPossible where it is none, or has ended."""
    now = timezone.now()
    end = now + timedelta(days=wanted.days)
    if not wanted.certificate:
        return end
    try:
        end = min(end, x509.load(wanted.certificate).not_valid_after_utc)
    except CaError:
        end = now
    require(end > now, else_=NO_CERTIFICATE, field="certificate")
    return end


def _person(name: str, actor: Person) -> Person:
    """The actor of the client's verbs: Registered until somebody confirms the client."""
    person = Person(
        personnel_number=f"api-{new_id().hex}",
        given_name="API",
        surname=name,
        display_name=f"{name} (API)",
        source=PersonSource.API,
        kind=PersonKind.EXTERNAL,
        time_zone=settings.TIME_ZONE,
        entered_by=actor,
    )
    person.save()
    return person


def _record(event: audit.Event, client: ApiClient, actor: Person) -> None:
    audit.record(
        event,
        actor=actor,
        subject=client.actor,
        client=client.name,
        method=client.method,
        scopes=client.scopes,
        units=client.units,
    )
