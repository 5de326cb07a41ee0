"""Printable evidence about a request: who asked and why, who decided, what was accepted, issued and ended."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from identity_manager import audit_proof
from identity_manager.console.history import event_wording
from identity_manager.console.print.document import (
    DASH,
    Document,
    Instruction,
    SheetSection,
    SheetTable,
    moment,
)
from identity_manager.models import (
    Approval,
    AuditEvent,
    Certificate,
    Installation,
    Person,
    SoftwareToken,
    TermsAcceptance,
    TokenRequest,
)
from identity_manager.models.archive.archived_key import with_copies
from identity_manager.models.requests.approval import progress
from identity_manager.ui.parts import Pair
from identity_manager.ui.punctuation import labelled


def document(actor: Person, row: TokenRequest, evidence: dict[str, Any]) -> Document:
    """The page about a request. evidence: its check file, which was just taken."""
    tokens = _tokens(row)
    return Document(
        title=_("Evidence"),
        subject=f"{row.reference}, {row.person}",
        lead=_("What the records and the audit log of this installation say about one request."),
        made_by=actor,
        back=reverse("console:request", args=[row.pk]),
        sections=[
            _asked(row),
            _decided(row),
            _accepted(row),
            _issued(tokens),
            _handed_out(tokens),
            _log(row, evidence),
            _check(row, evidence),
        ],
    )


def _tokens(row: TokenRequest) -> list[SoftwareToken]:
    rows = SoftwareToken.objects.filter(request=row).select_related("token_type", "taken_out_by")
    return list(rows.defer("passphrase_wrapped").order_by("round", "created_at", "pk"))


def _asked(row: TokenRequest) -> SheetSection:
    again = [
        Pair(_("Submitted for approval again"), f"{row.round_started_by}, {moment(row.round_started_at)}")
    ]
    pairs = [
        Pair(_("Reference"), row.reference, mono=True),
        Pair(_("Installation"), settings.CONSOLE_BASE_URL),
        Pair(_("For"), f"{row.person}, {row.person.personnel_number}"),
        Pair(_("Asked by"), str(row.requested_by)),
        Pair(_("How it came about"), row.get_origin_display()),
        Pair(_("What it is for"), row.purpose or _("Nothing was said.")),
        Pair(_("Asked"), moment(row.created_at)),
        *(again if row.round > 1 else []),
        Pair(_("Delivered to"), row.delivery_address),
        Pair(_("State"), row.get_state_display(), note=str(row.reason_words)),
        Pair(_("Ended"), moment(row.ended_at)),
    ]
    return SheetSection(_("Who asked, and why"), pairs=pairs)


def _decided(row: TokenRequest) -> SheetSection:
    approvals = Approval.objects.filter(request=row).order_by("decided_at")
    approvals = approvals.select_related("approver", "deputyship__principal")
    table = SheetTable.of(
        approvals,
        (_("Round"), lambda approval: approval.round),
        (_("Approver"), lambda approval: approval),
        (_("Decision"), lambda approval: approval.get_decision_display()),
        (_("Reason"), lambda approval: approval.reason),
        (_("When"), lambda approval: moment(approval.decided_at)),
        (_("SHA-256 of what was seen"), lambda approval: approval.snapshot_hash),
    )
    nobody = _("Nobody has decided yet.") if row.approvals_needed else _("Nobody had to approve this.")
    lead = progress(row.approvals_needed, [each for each in approvals if each.round == row.round])
    return SheetSection(_("Who approved"), lead=lead, table=table, empty=nobody)


def _accepted(row: TokenRequest) -> SheetSection:
    found = TermsAcceptance.objects.filter(request=row).select_related("text__version", "person")
    table = SheetTable.of(
        found.order_by("accepted_at"),
        (_("Text"), lambda acceptance: acceptance.text.title),
        (_("Version"), lambda acceptance: acceptance.text.version.number),
        (_("Language"), lambda acceptance: acceptance.text.language),
        (_("Accepted by"), lambda acceptance: acceptance.person),
        (_("When"), lambda acceptance: moment(acceptance.accepted_at)),
        (_("SHA-256 of the text"), lambda acceptance: acceptance.sha256),
    )
    return SheetSection(_("Which text was accepted"), table=table, empty=_("No text was accepted."))


def _issued(tokens: Sequence[SoftwareToken]) -> SheetSection:
    found = Certificate.objects.filter(token__in=tokens).select_related("profile")
    found = found.defer("private_key_wrapped").order_by("token__created_at", "token", "position")
    named = {token.pk: token for token in tokens}
    table = SheetTable.of(
        with_copies(found),
        (_("Certificate"), lambda certificate: labelled(named[certificate.token_id], certificate.profile)),
        (_("Serial number"), lambda certificate: certificate.serial),
        (_("Issuer"), lambda certificate: certificate.issuer),
        (_("Subject"), lambda certificate: certificate.subject),
        (_("Valid"), _validity),
        (_("Fingerprint (SHA-256)"), lambda certificate: certificate.fingerprint_sha256),
        (_("State"), lambda certificate: certificate.get_state_display()),
        (_("Copy of the key kept"), lambda certificate: _("yes") if certificate.copy_is_kept else _("no")),
    )
    return SheetSection(_("What was issued"), table=table, empty=_("Nothing was issued."))


def _validity(certificate: Certificate) -> str:
    return f"{moment(certificate.not_before)} {DASH} {moment(certificate.not_after)}"


def _handed_out(tokens: Sequence[SoftwareToken]) -> SheetSection:
    said: dict[Any, list[str]] = {}
    for each in Installation.objects.filter(token__in=tokens):
        said.setdefault(each.token_id, []).append(_installed(each))
    table = SheetTable.of(
        tokens,
        (_("Software token"), lambda token: token),
        (_("Sealed"), lambda token: moment(token.sealed_at)),
        (_("Delivered"), lambda token: f"{token.get_delivery_display()}, {moment(token.delivered_at)}"),
        (_("Passphrase noted"), lambda token: moment(token.acknowledged_at)),
        (_("Installed, as the person says"), lambda token: "; ".join(said.get(token.pk, []))),
        (_("State and end"), _state_and_end),
    )
    return SheetSection(_("How it was handed out, and how it ended"), table=table)


def _state_and_end(token: SoftwareToken) -> str:
    return f"{token.get_state_display()}, {moment(token.ended_at)} {token.reason_words}".strip()


def _installed(row: Installation) -> str:
    taken_back = _("taken back %(at)s") % {"at": moment(row.taken_back_at)} if row.taken_back_at else ""
    return ", ".join(filter(None, [str(row), moment(row.said_at), taken_back]))


def _log(row: TokenRequest, evidence: dict[str, Any]) -> SheetSection:
    events = AuditEvent.objects.filter(request=row).select_related("actor", "token__token_type")
    names = event_wording.type_names()
    lines = [event_wording.worded(event, type_names=names) for event in events.order_by("pk")]
    waiting = evidence["not_covered_yet"]
    lead = _("Each event in its order, with its number in the sealed log.")
    if waiting:
        lead += " " + _("%(number)d of them are not covered by a signature yet.") % {"number": waiting}
    table = SheetTable.of(
        lines,
        (_("No."), lambda line: line.event.number or DASH),
        (_("When"), lambda line: moment(line.event.at)),
        (_("What"), lambda line: labelled(line.words.title, line.words.detail)),
        (_("By"), lambda line: line.words.actor),
    )
    return SheetSection(_("What the audit log says"), lead=lead, table=table)


def _check(row: TokenRequest, evidence: dict[str, Any]) -> SheetSection:
    return SheetSection(
        _("How to check this without this installation"),
        lead=_(
            "What is printed here is proven by the check file of the request and the public key of the log:"
            " the key that was kept elsewhere before, not one that came with this page."
        ),
        steps=list(_steps(row, evidence)),
    )


def _steps(row: TokenRequest, evidence: dict[str, Any]) -> Iterator[Instruction]:
    heads = evidence["heads"]
    yield Instruction(
        _("Take the check file on the page of the request, and the public key from where it was kept."),
        f"check-file-{row.reference}.json\naudit-public-key.pem",
    )
    if not heads:
        yield Instruction(_("No signature covers these events yet. Take the check file later."))
        return
    head = heads[-1]
    statement = audit_proof.canonical(head["statement"]).decode("ascii")
    yield Instruction(
        _("The key has this SHA-256 fingerprint: %(value)s") % {"value": key_fingerprint(head["public_key"])},
        "openssl pkey -pubin -in audit-public-key.pem -outform DER | openssl dgst -sha256",
    )
    yield Instruction(
        _("Check all events of the file and the signatures that cover them; Python and one package do it."),
        f"python -m identity_manager.audit_proof check-file-{row.reference}.json \\\n"
        "    --public-key audit-public-key.pem",
    )
    yield Instruction(
        _("Or check the latest signature with openssl 3 alone: it says that it verified."),
        f"printf '%s' '{statement}' > head.txt\n"
        f"printf '%s' '{head['signature']}' | openssl base64 -d -A > head.sig\n"
        "openssl pkeyutl -verify -pubin -inkey audit-public-key.pem -rawin -in head.txt -sigfile head.sig",
    )
    yield Instruction(
        _("A text that was accepted has the SHA-256 above: its title, an empty line, its words, in UTF-8."),
        "openssl dgst -sha256 text.txt",
    )
    yield Instruction(
        _("A certificate: its serial number and fingerprint are those above."),
        "openssl x509 -in certificate.pem -noout -serial -fingerprint -sha256",
    )


def key_fingerprint(public_key: str) -> str:
    """SHA-256 of the public key as SubjectPublicKeyInfo in DER, hexadecimal."""
    key = serialization.load_pem_public_key(audit_proof.pem_of(public_key).encode())
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()
