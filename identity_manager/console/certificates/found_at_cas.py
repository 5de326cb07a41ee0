"""Findings of reconciliations with CAs: rows of OPEN TASKS, and the fetch of one."""

import uuid
from datetime import datetime
from operator import attrgetter

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import offices
from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import LONG_AGO, Source
from identity_manager.models import CaFinding, Person, Role
from identity_manager.models.words import Words
from identity_manager.ui import cells
from identity_manager.ui.markup import markup
from identity_manager.ui.parts import Meaning
from identity_manager.ui.templatetags import moments, persons

ADMINISTRATORS = frozenset({Role.TOKEN_ADMINISTRATOR})


def findings(actor: Person, now: datetime) -> QuerySet[CaFinding]:
    """Findings that this administrator decides on, without the bytes of certificates."""
    return _drawn(CaFinding.objects.for_officers(now).filter(_reached(actor)))


def finding_for_administrator(request: HttpRequest, pk: uuid.UUID) -> CaFinding:
    """The finding, for a Software Token Administrator of its person's unit, or without a limit; else 404."""
    actor = offices.officer(request, Role.TOKEN_ADMINISTRATOR)
    return get_object_or_404(_drawn(CaFinding.objects.filter(_reached(actor))), pk=pk)


def _reached(actor: Person) -> Q:
    """Condition on findings within the officer's units; of an unknown holder, only for who has no limit."""
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


def _certificate(row: CaFinding) -> object:
    """Cell with the holder of the certificate; its subject, where the holder is unknown."""
    found = row.token_certificate
    if found is None:
        return cells.mono(row.subject)
    url = reverse("console:request", args=[found.token.request_id])
    return persons.who(found.token.person.display_name, found.profile.name, url, row=True)


def _validity(row: CaFinding) -> object:
    return cells.period(moments.when(row.not_before), moments.when(row.not_after))


def _actions(row: CaFinding) -> object:
    """Buttons of the decisions that this administrator can make."""
    if row.is_by_hand(timezone.now()):
        return _button(_("It is revoked"), "found-by-hand", row)
    adopt = _button(_("Adopt"), "found-adopt", row) if row.is_adoptable else ""
    revoke = _button(_("Revoke"), "found-revoke", row)
    return markup(
        "{} {} {}", adopt, revoke, _button(_("Leave as it is"), "found-leave", row, css="button-quiet")
    )


def _button(label: Words, view: str, row: CaFinding, *, css: str = "") -> object:
    return cells.button(label, reverse(f"console:{view}", args=[row.pk]), css=css)


COLUMNS = columns.table(
    Column("certificate", _("Certificate"), _certificate, width="column-wide"),
    Column("kind", _("What was found"), lambda row: row.get_kind_display()),
    Column("serial", _("Serial number"), attrgetter("serial"), css="mono"),
    Column(
        "authority",
        _("Certificate authority"),
        lambda row: cells.authority(row.alias, row.issuer, row.trouble),
        width="column-wide",
    ),
    Column("valid", _("Valid"), _validity),
    Column("action", _("Action"), _actions, is_action=True, width="column-wide"),
)
SOURCES = (
    Source(
        name="found-at-authorities",
        title=_("A certificate authority and the database do not agree"),
        roles=ADMINISTRATORS,
        waiting=findings,
        any_waiting=(lambda: CaFinding.objects.for_officers(LONG_AGO),),
        columns=COLUMNS,
        lead=_(
            "A comparison has found these, as after a restore that lost what came last. Until somebody"
            " decides, others go on trusting them."
        ),
        sentence=lambda number: ngettext(
            "certificate is not known to the database, or not to its authority",
            "certificates are not known to the database, or not to their authorities",
            number,
        ),
        meaning=Meaning.WAITING,
    ),
)
