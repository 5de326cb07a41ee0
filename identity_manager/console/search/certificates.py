"""SEARCH for certificates: by serial number as any program writes it, subject, person, issuer, days."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from ca_bridge.x509.certificates import serial_hex
from identity_manager.console.access import requests
from identity_manager.console.certificates import manual_revocations
from identity_manager.console.lists import counting, filtering
from identity_manager.console.search import requests as request_list
from identity_manager.console.search.certificate_columns import COLUMNS, CertificateRow
from identity_manager.console.search.forms import (
    AWAITED,
    BY_HAND,
    INSTALLED,
    ISSUED,
    PARKED,
    RENEWAL_ASKED,
    REVOCATION_WAITS,
    CertificateForm,
)
from identity_manager.console.search.kind import TOTAL, Beside, SearchKind, Table, Wanted, beginning, in_days
from identity_manager.models import (
    Certificate,
    CertificateProfile,
    ImportedCertificate,
    Person,
    RenewalNotice,
    SoftwareToken,
)
from identity_manager.models.person_search.text import TRIGRAM
from identity_manager.models.requests.certificate import CertificateQuerySet
from identity_manager.models.requests.certificate_states import NOT_ENDED
from identity_manager.models.token_imports.token_import import Imported
from identity_manager.queries import list_rows
from identity_manager.ui.context import REQUEST_READERS, SEARCHERS
from identity_manager.ui.row_addresses import addresses_of

_HEXADECIMAL = re.compile(r"(?:0x)?([0-9a-f]+)")
_BETWEEN_BYTES = re.compile(r"[\s:.-]")
_FINGERPRINT = 64  # hexadecimal digits of SHA-256
_LONGEST_DECIMAL = 49  # digits of 20 octets (RFC 5280 4.1.2.2)


def found(rows: CertificateQuerySet, wanted: Wanted) -> QuerySet[Certificate]:
    """The certificates that are wanted."""
    rows = _in_state(rows, wanted["state"])
    if wanted["token_type"]:
        tokens = SoftwareToken.objects.filter(type_code=wanted["token_type"])
        rows = rows.filter(filtering.with_related(tokens, "pk", "token_id"))
    if wanted["unit"]:
        tokens = SoftwareToken.objects.filter(person__organisational_unit=wanted["unit"])
        rows = rows.filter(filtering.with_related(tokens, "pk", "token_id"))
    if wanted["ca"]:
        profiles = CertificateProfile.objects.filter(ca=wanted["ca"]).order_by()
        rows = rows.filter(profile__in=list(profiles.values_list("pk", flat=True)), imported=None)
    if wanted["issuer"]:
        rows = rows.filter(issuer=wanted["issuer"])
    if wanted["imported"]:
        chosen = ImportedCertificate.objects.of(Imported(wanted["imported"]))
        rows = rows.filter(pk__in=chosen.values("pk"))
    rows = _installed(_with_renewal(rows, wanted["renewal"]), wanted["installed"])
    return _within_days(rows, wanted).filter(_of_text(wanted["q"]))


def _with_more(rows: QuerySet[Certificate]) -> QuerySet[Certificate]:
    """For a sheet, with token, request and person; keys stay in the database."""
    return rows.select_related("token__person", "token__token_type", "token__request", "profile").defer(
        "private_key_wrapped", "certificate", "token__passphrase_wrapped", "token__snapshot"
    )


def _in_state(rows: CertificateQuerySet, state: str) -> CertificateQuerySet:
    if state == REVOCATION_WAITS:
        return rows.to_be_revoked().filter(by_hand_since=None)
    if state == BY_HAND:
        return rows.to_be_revoked_by_hand(timezone.now())
    if state == ISSUED:
        return rows.exclude(serial="")
    if state == AWAITED:
        return rows.awaited()
    if state == PARKED:
        return rows.parked()
    return rows.filter(state=state) if state else rows


def _with_renewal(rows: CertificateQuerySet, answer: str) -> CertificateQuerySet:
    """Of tokens that end soon, by what their persons answered."""
    if not answer:
        return rows
    notices = RenewalNotice.objects.not_needed()
    if answer == RENEWAL_ASKED:
        notices = RenewalNotice.objects.unanswered().filter(ends_at__gt=timezone.now())
    return rows.filter(token__in=notices.order_by().values("token"), state__in=NOT_ENDED)


def _installed(rows: CertificateQuerySet, answer: str) -> CertificateQuerySet:
    """Certificates of tokens that are installed, or not, as their persons say.

    Not installed are those in use that were delivered.
    """
    if not answer:
        return rows
    tokens = SoftwareToken.objects.awaiting_installation()
    if answer == INSTALLED:
        tokens = SoftwareToken.objects.filter(installed_at__isnull=False)
    rows = rows.filter(filtering.with_related(tokens, "pk", "token_id"))
    return rows if answer == INSTALLED else rows.filter(state__in=NOT_ENDED)


def _within_days(rows: CertificateQuerySet, wanted: Wanted) -> CertificateQuerySet:
    if wanted["expires_within"]:
        rows = rows.filter(not_after__gte=in_days("0"), not_after__lt=in_days(wanted["expires_within"]))
    if wanted["ordered_from"]:
        rows = rows.filter(created_at__gte=beginning(wanted["ordered_from"]))
    if wanted["expires_from"]:
        rows = rows.filter(not_after__gte=beginning(wanted["expires_from"]))
    if wanted["expires_before"]:
        rows = rows.filter(not_after__lt=beginning(wanted["expires_before"]))
    if wanted["revoked_from"]:
        rows = rows.filter(revoked_at__gte=beginning(wanted["revoked_from"]))
    if wanted["revoked_until"]:
        rows = rows.filter(revoked_at__lt=beginning(wanted["revoked_until"] + timedelta(days=1)))
    return rows


def _of_text(text: str) -> Q:
    """By person, number and subject.

    The trigram index of subjects does not serve one or two characters, but names of persons are searched.
    """
    if not text:
        return Q()
    number = _BETWEEN_BYTES.sub("", text.casefold())
    beside = list(_of_number(number))
    if len(text) >= TRIGRAM and not _is_plainly_a_number(number):
        beside.append(Q(subject__icontains=text))
    persons = Person.objects.matching(text)
    return filtering.of_matching_persons(Certificate.objects.all(), "token__person", persons, *beside)


def _is_plainly_a_number(text: str) -> bool:
    """Hexadecimal with a digit in it: no word of a subject. The numbers of persons are found with them."""
    return _HEXADECIMAL.fullmatch(text) is not None and any(symbol.isdecimal() for symbol in text)


def _of_number(digits: str) -> Iterator[Q]:
    """By serial number or fingerprint, with or without 0x and leading zeros, or decimal."""
    match = _HEXADECIMAL.fullmatch(digits)
    if match is None:
        return
    if number := match[1].lstrip("0"):
        # Stored in whole bytes: every sixteenth has a zero that some programs do not write.
        yield Q(serial__begins=number)
        yield Q(serial__begins=f"0{number}")
    if len(match[1]) == _FINGERPRINT:
        yield Q(fingerprint_sha256=match[1])
    if digits.isdecimal() and len(digits) <= _LONGEST_DECIMAL:
        yield Q(serial=serial_hex(int(digits)))


def _prepared(actor: Person, rows: Iterable[Any]) -> list[CertificateRow]:
    """To the request for who reads requests, to the person for the others."""
    certificates = list(rows)
    readable = request_list.readable_of(actor, {row.token.request_id for row in certificates})
    request, person = addresses_of("console:request"), addresses_of("console:person")
    urls = (
        request(token.request_id) if token.request_id in readable else person(token.person_id)
        for token in (row.token for row in certificates)
    )
    return [
        CertificateRow(row, row.token.person, _name(row), url)
        for row, url in zip(certificates, urls, strict=True)
    ]


def _name(row: Any) -> str:
    return " · ".join(dict.fromkeys((str(row.type_name), str(row.profile_name))))


def _surplus(actor: Person, wanted: Wanted) -> Beside | None:
    """Hint on surplus certificates to be revoked by hand, which belong to no token; None without any."""
    if wanted["state"] != BY_HAND:
        return None
    now = timezone.now()
    number = manual_revocations.surplus_of(requests.visible_certificates(actor), now).count()
    if not number:
        return None
    words = ngettext(
        "%(number)s certificate more has to be revoked by hand: it was issued and is not used, so it belongs "
        "to no software token and is not listed here.",
        "%(number)s certificates more have to be revoked by hand: they were issued and are not used, so they "
        "belong to no software token and are not listed here.",
        number,
    )
    url = (
        f"{reverse('console:approvals')}#tasks-by-hand"
        if manual_revocations.surplus(actor, now).exists()
        else ""
    )
    return Beside(words % {"number": counting.grouped(number)}, url)


CERTIFICATE = SearchKind(
    name="certificate",
    label=_("Certificate"),
    icon="certificate",
    readers=SEARCHERS | REQUEST_READERS,
    form=CertificateForm,
    reach=requests.visible_certificates,
    found=found,  # type: ignore[arg-type]  # of certificates
    by_key=lambda _actor: list_rows.certificates(COLUMNS.fields).in_bulk,
    table=Table(
        columns=COLUMNS,
        prepared=_prepared,
        order="-issued",
        order_where={
            **dict.fromkeys(("expires_within", "expires_from", "expires_before"), "expires"),
            **dict.fromkeys(("revoked_from", "revoked_until"), "-revoked"),
        },
        more_orders={"revoked": ("revoked_at",)},
        checkbox="certificates",
        named=lambda row: (row.certificate.pk, row.certificate.subject or row.name),
        file_name="certificates",
        export_rows=_with_more,
    ),
    counted=ngettext_lazy("%(found)s of %(total)s certificate", "%(found)s of %(total)s certificates", TOTAL),
    too_many=_("More than %(found)s of %(total)s certificates; these are the first %(found)s"),
    nothing=_("No certificate like this"),
    advice=_("Try another state, fewer words or other days."),
    hint=_(
        "A serial number is found by its beginning, with or without colons, in any case, or whole in decimal."
    ),
    beside=_surplus,
)
