"""API clients by name, without their tokens. A new one's token is shown once, to who imports it."""

import uuid
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.configuration import shapes
from identity_manager.configuration.kind import (
    ConfigurationKind,
    Key,
    LeftAloneError,
    Making,
    Present,
    Values,
)
from identity_manager.models import ApiClient, ApiMethod, ConsentState
from identity_manager.people.api_access import api_clients
from identity_manager.people.api_access.api_clients import ApiClientInput
from identity_manager.transactions.refusals import Reason

CHANGED = Reason(
    "configuration-api-client-differs",
    _("A client does not change. Revoke the one of this name, then import the file again."),
)
WITH_CERTIFICATE = Reason(
    "configuration-api-client-certificate",
    _("A file has no certificates. Make this client in ADMIN, and paste its certificate there."),
)
ON_THE_PAGE = Reason(
    "configuration-api-client-token",
    _(
        "The token of a new client is shown once. Import the file on the page in ADMIN, or make the client"
        " there."
    ),
)


def _present(client: ApiClient) -> Present:
    valid = client.expires_at - client.asked_at
    said = {
        "method": str(client.method),
        "scopes": list(client.scopes),
        "units": list(client.units),
        "days": round(valid / timedelta(days=1)),
    }
    return Present(said, client.pk)


def _here() -> dict[str, Present]:
    """Of several clients of one name, the newest."""
    rows = ApiClient.objects.usable(timezone.now()).order_by("asked_at", "pk")
    return {client.name: _present(client) for client in rows}


def _drafts() -> dict[str, Present]:
    rows = ApiClient.objects.filter(state=ConsentState.WAITING).order_by("asked_at", "pk")
    return {client.name: _present(client) for client in rows}


def _make(making: Making, code: str, values: Values) -> uuid.UUID:
    if code in _here() or code in _drafts():
        raise LeftAloneError(CHANGED)
    if values["method"] == ApiMethod.CERTIFICATE:
        raise LeftAloneError(WITH_CERTIFICATE)
    if not making.shows_secrets:
        raise LeftAloneError(ON_THE_PAGE)
    wanted = ApiClientInput(name=code, days=values["days"], scopes=values["scopes"], units=values["units"])
    client, secret = api_clients.make(actor=making.actor, wanted=wanted)
    making.secrets.append((client.name, secret))
    return client.pk


API_CLIENTS = ConfigurationKind(
    name="api-client",
    label=_("Clients of the API"),
    line=_("Programs that ask for software tokens, without what they show"),
    keys={
        "method": Key(_("How it proves who it is"), shapes.choice(ApiMethod.values), ApiMethod.BEARER.value),
        "scopes": Key(_("What it may do"), shapes.LIST),
        "units": Key(_("Organisational units"), shapes.LIST, []),
        "days": Key(_("Valid for days"), shapes.NUMBER),
    },
    here=_here,
    drafts=_drafts,
    make=_make,
    page="",
)
