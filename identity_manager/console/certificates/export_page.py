"""The page **Export certificates**: formats for address books, directories and other programs."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager.audit import exports
from identity_manager.console.certificates import export_formats
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists.csv_export import Reader
from identity_manager.console.search import search as searching
from identity_manager.console.search.selection import Chosen
from identity_manager.models import Certificate, CertificatePurpose, CertificateState, Person
from identity_manager.transactions.refusals import NotPossible, Reason, require
from identity_manager.ui.forms import RadioCards
from identity_manager.ui.parts import Card

MOST = 20_000  # certificates in one file
VCARD, ADD, DELETE, DER = "vcard", "ldif-add", "ldif-delete", "der"
MEDIA_TYPES = {VCARD: ("text/vcard; charset=utf-8", "vcf"), DER: ("application/zip", "zip")}
LDIF_TYPE = ("text/x-ldif; charset=utf-8", "ldif")
SECRETS = ("private_key_wrapped", "token__passphrase_wrapped", "token__snapshot")
ATTRIBUTES = {"openldap": "userCertificate;binary", "ad": "userCertificate"}
FOR_ENCRYPTION = (CertificatePurpose.ENCRYPTION, CertificatePurpose.COMBINED)

NONE_LEFT = Reason(
    "no-certificate-for-export", _("None of the chosen certificates can be put into such a file.")
)
TOO_MANY = Reason(
    "too-many-certificates",
    format_lazy(_("More than {most} certificates are chosen. Narrow the search."), most=MOST),
)
NO_DN = _("Write a distinguished name, such as ou=people,dc=example,dc=com.")


class ExportForm(VerbForm):
    """The format, and for LDIF which server it is for and how entries are named."""

    format = forms.ChoiceField(
        label=_("What do you need?"),
        widget=RadioCards,
        choices=(
            (VCARD, Card(_("vCard"), _("Valid encryption certificates, for an address book"), icon="users")),
            (ADD, Card(_("LDIF, to add"), _("Valid encryption certificates, for a directory"), icon="plus")),
            (DELETE, Card(_("LDIF, to remove"), _("The same values, taken away again"), icon="minus")),
            (DER, Card(_("DER"), _("Every certificate; a ZIP where there are several"), icon="certificate")),
        ),
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose a format.")),
    )
    server = forms.ChoiceField(
        label=_("For which directory?"),
        help_text=_("For LDIF alone. They name the attribute differently."),
        choices=(
            ("openldap", _("OpenLDAP and others (userCertificate;binary)")),
            ("ad", _("Active Directory (userCertificate)")),
        ),
        initial="openldap",
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose a directory.")),
    )
    base = forms.CharField(
        label=_("Where the entries are"),
        help_text=_("For LDIF, of persons who do not come from a directory. Empty: they are left out."),
        max_length=500,
        required=False,
    )
    named_by = forms.ChoiceField(
        label=_("Named by"),
        choices=[(name, name) for name in export_formats.NAMING],
        initial="mail",
        error_messages=dict.fromkeys(("required", "invalid_choice"), _("Choose an attribute.")),
    )

    def clean_base(self) -> str:
        """A distinguished name in one line."""
        from identity_manager import ldap_connection  # when it is needed: its library takes 4 MB

        base = str(self.cleaned_data["base"])
        if base and not ldap_connection.is_name(base):
            raise forms.ValidationError(NO_DN)
        return base


def response(actor: Person, chosen: Chosen, form: ExportForm) -> HttpResponseBase:
    """The file, recorded before its first octet. Raises NotPossible where nothing is left, or too much."""
    content = form.cleaned_data
    rows = _wanted(chosen.rows, content["format"])
    number = rows.order_by()[: MOST + 1].count()
    require(number, else_=NONE_LEFT, kind=NotPossible, field="format")
    require(number <= MOST, else_=TOO_MANY, kind=NotPossible)
    filters = {"format": content["format"]}
    filters |= chosen.search.facts() if chosen.is_all else {"selection": True}
    exports.record(actor=actor, what=chosen.search.kind.name, rows=number, filters=filters)
    if content["format"] == DER and number == 1:
        row = rows.get()
        return _attached(HttpResponse(row.der), "application/pkix-cert", export_formats.file_name(row))
    media_type, suffix = MEDIA_TYPES.get(content["format"], LDIF_TYPE)
    file = StreamingHttpResponse(_served(_written(rows, content)))
    return _attached(file, media_type, f"certificates-{timezone.localdate():%Y-%m-%d}.{suffix}")


def _wanted(rows: QuerySet[Certificate], wanted: str) -> QuerySet[Certificate]:
    """Issued ones; for address books and directories those for encryption, and to add them the valid ones."""
    rows = rows.filter(certificate__isnull=False).select_related(
        "token__person__directory_link", "token__token_type", "profile"
    )
    rows = rows.defer(*SECRETS).order_by("token__person_id", "created_at", "pk")
    if wanted != DER:
        rows = rows.filter(profile__purpose__in=FOR_ENCRYPTION)
    if wanted in (VCARD, ADD):
        rows = rows.filter(state=CertificateState.VALID, not_after__gt=timezone.now())
    return rows


def _written(rows: QuerySet[Certificate], content: dict[str, Any]) -> Iterator[str | bytes]:
    found, wanted = rows.iterator(chunk_size=500), content["format"]
    if wanted == VCARD:
        return export_formats.vcards(found)
    if wanted == DER:
        return export_formats.zipped(found, moment=timezone.localtime())
    return export_formats.ldif(
        found,
        operation="add" if wanted == ADD else "delete",
        attribute=ATTRIBUTES[content["server"]],
        name_of=_name_of(content),
    )


def _name_of(content: dict[str, Any]) -> export_formats.NameOfEntry:
    base = content["base"]
    below = export_formats.entry_below(base, content["named_by"]) if base else (lambda _person: "")
    return lambda person: export_formats.known_entry(person) or below(person)


def _served(parts: Iterator[str | bytes]) -> Iterator[str | bytes]:
    """Each part as in the visit, so that a fault is logged with its number."""
    reader, end = Reader(), object()
    while True:
        with reader.served():
            part = next(parts, end)
        if part is end:
            return
        yield part  # type: ignore[misc]  # end was handled


def _attached(file: HttpResponseBase, media_type: str, name: str) -> HttpResponseBase:
    file["Content-Type"] = media_type
    file["Content-Disposition"] = f'attachment; filename="{name}"'
    file["Cache-Control"] = "no-store"
    file["X-Content-Type-Options"] = "nosniff"
    return file


def context(chosen: Chosen, form: ExportForm) -> dict[str, Any]:
    """Page context of an export: the form, and the selection that the page carries on."""
    keys = [] if chosen.is_all else [str(key) for key in chosen.rows.order_by().values_list("pk", flat=True)]
    return {
        "tab": "search",
        "form": form,
        "search": chosen.search,
        "is_all": chosen.is_all,
        "number": chosen.rows.order_by().count(),
        "keys": ",".join(keys),
        "checkbox": chosen.search.kind.table.checkbox,
        "back": searching.address(chosen.search),
    }
