"""The columns of a list of certificates."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from identity_manager.console.lists.columns import Column, Columns
from identity_manager.models import Certificate, Person, RequestKind
from identity_manager.ui import cells
from identity_manager.ui.templatetags import badges, moments, persons


@dataclass(frozen=True)
class CertificateRow:
    """One certificate in the list, and the page where it is shown.

    name: its token type, and its profile where that has a name of its own.
    """

    certificate: Certificate
    person: Person
    name: str
    url: str

    @property
    def serial(self) -> str:
        """Byte by byte, as browsers and Windows show it."""
        return in_bytes(self.certificate.serial)


def in_bytes(serial: str) -> str:
    """The number byte by byte, 0A:1B:…: whole digits alone would become a rounded number in a spreadsheet."""
    even = serial if len(serial) % 2 == 0 else f"0{serial}"
    return ":".join(even[start : start + 2] for start in range(0, len(even), 2)).upper()


def _person(row: CertificateRow) -> object:
    return persons.who(row.person.display_name, row.person.personnel_number, row.url, row=True)


def _certificate(row: CertificateRow) -> object:
    if not row.certificate.serial:
        return row.name
    return cells.with_line(row.name, cells.in_bytes(row.serial), css="mono")


def _state(row: CertificateRow) -> object:
    badge, reason = badges.state_badge(row.certificate), row.certificate.revocation_reason_words
    return cells.with_line(badge, reason) if reason else badge


def _delivery(row: CertificateRow) -> object:
    """How far the mail is, and below it what the person says; nothing of what another system delivered."""
    token = row.certificate.token
    if token.kind == RequestKind.IMPORT:
        return "–"
    installed = badges.installation_words(token)
    delivered = badges.delivery_badge(token)
    return cells.with_line(delivered, installed) if installed else delivered


COLUMNS = Columns(
    (
        Column("serial", _("Serial number"), fields=("serial",), export=lambda row: in_bytes(row.serial)),
        Column("subject", _("Subject"), fields=("subject",), export="subject"),
        Column("issuer", _("Issuer"), export="issuer"),
        Column(
            "state",
            _("State"),
            _state,
            order=("state", "not_after"),
            fields=("state", "revocation_reason"),
            export=lambda row: row.get_state_display(),
        ),
        Column(
            "certificate",
            _("Certificate"),
            _certificate,
            fields=("token__state", "token__request"),
            width="column-wide",
        ),
        Column("token_type", _("Token type"), export="token.token_type"),
        Column("profile", _("Certificate profile"), export="profile.name"),
        Column(
            "person",
            _("Person"),
            _person,
            order=("token__person__search_text__by_name",),
            fields=(
                *("token__person__state", "token__person__display_name"),
                "token__person__personnel_number",
            ),
            export="token.person",
            width="column-wide",
        ),
        Column("number", _("Personnel number"), export="token.person.personnel_number"),
        Column("valid_from", _("Valid from"), export="not_before"),
        Column("valid_until", _("Valid until"), export="not_after"),
        Column(
            "issued",
            _("Ordered"),
            lambda row: moments.when(row.certificate.created_at),
            order=("created_at",),
            fields=("created_at",),
            width="column-narrow",
        ),
        Column(
            "expires",
            _("Expires"),
            lambda row: moments.when(row.certificate.not_after),
            order=("not_after",),
            fields=("not_after",),
            width="column-narrow",
        ),
        Column(
            "delivery",
            _("Delivery"),
            _delivery,
            fields=(
                *("token__kind", "token__delivery", "token__ended_at"),
                *("token__acknowledged_at", "token__installed_at"),
            ),
        ),
        Column("delivered", _("Delivered"), export="token.delivered_at"),
        Column("installed", _("Installed"), export="token.installed_at"),
        Column("revoked", _("Revoked"), export="revoked_at"),
        Column("reason", _("Reason"), export="revocation_reason_words"),
        Column("request", _("Request"), export="token.request.reference"),
        Column("fingerprint", _("SHA-256 fingerprint"), export="fingerprint_sha256"),
    ),
    shown=("person", "certificate", "state", "delivery", "issued", "expires"),
)
