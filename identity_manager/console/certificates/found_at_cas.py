"""What comparisons with CAs found: the rows of OPEN TASKS, and the fetch of one."""

import uuid
from datetime import datetime

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import offices
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import CaFinding, Person, Role
from identity_manager.ui.parts import Meaning

ADMINISTRATORS = frozenset({Role.TOKEN_ADMINISTRATOR})


def findings(actor: Person, now: datetime) -> QuerySet[CaFinding]:
    """What this administrator decides about; certificates stay in the database."""
    return _drawn(CaFinding.objects.for_officers(now).filter(_reached(actor)))


def finding_for_administrator(request: HttpRequest, pk: uuid.UUID) -> CaFinding:
    """What was found, for a Software Token Administrator of its person's unit, or without a limit."""
    actor = offices.officer(request, Role.TOKEN_ADMINISTRATOR)
    return get_object_or_404(_drawn(CaFinding.objects.filter(_reached(actor))), pk=pk)


def _reached(actor: Person) -> Q:
    """Where nobody knows whose it is, only who has no limit."""
    return offices.within_units(
        actor, ADMINISTRATORS, "token_certificate__token__person__organisational_unit"
    )


def _drawn(rows: QuerySet[CaFinding]) -> QuerySet[CaFinding]:
    rows = rows.select_related(
        "comparison", "order", "token_certificate__profile", "token_certificate__token__person"
    )
    secret = ("private_key_wrapped", "certificate", "token__passphrase_wrapped", "token__snapshot")
    big = ("csr", "content", "certificate", "chain_base64")
    return rows.defer(
        "certificate", *(f"token_certificate__{each}" for each in secret), *(f"order__{each}" for each in big)
    )


SOURCES = (
    Source(
        name="found-at-authorities",
        title=_("A certificate authority and the database do not agree"),
        roles=ADMINISTRATORS,
        waiting=findings,
        template="identity_manager/open_tasks/found_at_cas.html",
        sentence=lambda number: ngettext(
            "certificate is not known to the database, or not to its authority",
            "certificates are not known to the database, or not to their authorities",
            number,
        ),
        meaning=Meaning.WAITING,
    ),
)
