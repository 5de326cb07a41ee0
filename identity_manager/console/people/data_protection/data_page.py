"""Personal data of one person, to print: an access request (GDPR, article 15).

Without secrets, texts of mails, and data about other people: the only other names are of requesters and
deciders, whom the person sees in Self-Service, too. Recoveries of the person's keys for somebody else are
left out: the owner is notified by mail, unless two officers have decided otherwise.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from identity_manager.console.history import event_wording
from identity_manager.console.people.page import record
from identity_manager.console.print.document import Document, SheetSection, SheetTable, moment
from identity_manager.mail.registry import title_of
from identity_manager.models import (
    Account,
    Approval,
    ArchivedKey,
    AuditEvent,
    Certificate,
    Deputy,
    IdentityChange,
    OutgoingMail,
    Person,
    Postponement,
    SoftwareToken,
    TermsAcceptance,
    TokenRequest,
)
from identity_manager.models.archive.archived_key import with_copies
from identity_manager.models.words import Words
from identity_manager.ui.parts import Pair
from identity_manager.ui.punctuation import labelled


class ChangedField(NamedTuple):
    """A field of a change of identity."""

    change: IdentityChange
    label: Words
    before: str
    after: str


def document(actor: Person, person: Person) -> Document:
    """The page about the person."""
    return Document(
        title=_("What is kept about you"),
        subject=f"{person}, {person.personnel_number}",
        lead=_(
            "Everything that this installation keeps about this person, without keys, passphrases, passwords"
            " and codes, which nobody can read, and without what concerns other people."
        ),
        made_by=actor,
        back=reverse("console:person-data", args=[person.pk]),
        sections=[
            *_of_the_person(person),
            *_of_requests(person),
            *_of_tokens(person),
            *_of_the_log(person),
            _retention(),
        ],
    )


def _table(
    title: str, rows: Iterable[Any], *columns: tuple[str, Callable[[Any], object]], lead: str = ""
) -> SheetSection:
    return SheetSection(title, lead=lead, table=SheetTable.of(rows, *columns), empty=_("Nothing is kept."))


def _of_the_person(person: Person) -> Iterator[SheetSection]:
    yield SheetSection(_("Record"), pairs=list(_record(person)))
    yield _sign_in(person)
    yield from _of_roles(person)
    yield _table(
        _("Leaves"),
        person.leaves.all(),
        (_("From"), lambda leave: moment(leave.began_at)),
        (_("Until"), lambda leave: moment(leave.ended_at)),
        (_("Reason"), lambda leave: leave.reason),
    )
    yield _table(
        _("Changes of identity"),
        (ChangedField(change, *line) for change in person.identity_changes.all() for line in change.lines),
        (_("What"), lambda changed: changed.label),
        (_("Before"), lambda changed: changed.before),
        (_("After"), lambda changed: changed.after),
        (_("Asked"), lambda changed: moment(changed.change.asked_at)),
        (_("Decided"), lambda changed: moment(changed.change.decided_at)),
    )
    yield _table(
        _("Groups of the directory"),
        person.directory_memberships.select_related("group"),
        (_("Group"), lambda membership: membership.group),
        (_("Since"), lambda membership: moment(membership.since)),
    )
    yield _table(
        _("Approver groups"),
        person.approver_groups.select_related("group").order_by("added_at", "pk"),
        (_("Group"), lambda membership: membership.group),
        (_("Since"), lambda membership: moment(membership.added_at)),
    )
    yield _table(
        _("Standing orders"),
        person.standing_memberships.select_related("order").order_by("since", "pk"),
        (_("Standing order"), lambda membership: membership.order),
        (_("Since"), lambda membership: moment(membership.since)),
        (_("Until"), lambda membership: moment(membership.until)),
    )


def _of_roles(person: Person) -> Iterator[SheetSection]:
    yield _table(
        _("Roles"),
        person.roles.order_by("assigned_at"),
        (_("Role"), lambda role: role),
        (_("Organisational unit"), lambda role: role.organisational_unit),
        (_("Assigned"), lambda role: moment(role.assigned_at)),
        (_("From"), lambda role: role.valid_from),
        (_("Until"), lambda role: role.valid_until),
    )
    yield _table(
        _("Recertification of roles"),
        person.role_reviews.select_related("campaign").order_by("campaign__opened_at", "pk"),
        (_("Role"), lambda review: review.get_role_display()),
        (_("Organisational unit"), lambda review: review.organisational_unit),
        (_("Asked"), lambda review: moment(review.campaign.opened_at)),
        (_("Decision"), lambda review: review.get_decision_display()),
        (_("Decided"), lambda review: moment(review.decided_at)),
    )
    yield _table(
        _("Deputies"),
        Deputy.objects.filter(Q(principal=person) | Q(deputy=person)),
        (
            _("What"),
            lambda deputyship: _("is a deputy") if deputyship.deputy_id == person.pk else _("has a deputy"),
        ),
        (_("Organisational unit"), lambda deputyship: deputyship.organisational_unit),
        (_("From"), lambda deputyship: deputyship.valid_from),
        (_("Until"), lambda deputyship: deputyship.valid_until),
        (_("Ended early"), lambda deputyship: moment(deputyship.ended_at)),
    )


def _record(person: Person) -> Iterator[Pair]:
    yield Pair(_("Name"), person.display_name)
    yield Pair(_("Given name"), person.given_name)
    yield Pair(_("Surname"), person.surname)
    yield Pair(_("State"), person.get_state_display())
    for each in record(person):
        pair = each if isinstance(each, Pair) else Pair(*each)
        if isinstance(pair.value, Person):  # their name is not this person's to have
            pair = Pair(pair.label, _("is recorded"))
        yield pair
    yield Pair(_("Entered"), moment(person.created_at))
    yield Pair(_("Changed last"), moment(person.updated_at))
    yield Pair(_("Saved searches"), person.saved_searches.count())


def _sign_in(person: Person) -> SheetSection:
    account = Account.objects.filter(person=person).first()
    codes = [
        Pair(_("Sign-in code"), moment(each.asked_at), note=_("used %(at)s") % {"at": moment(each.used_at)})
        for each in person.sign_in_codes.defer("code_hash").order_by("asked_at")
    ]
    pairs = [*(_account(account) if account else ()), *codes]
    return SheetSection(_("Account and sign-in"), pairs=pairs, empty=_("Nothing is kept."))


def _account(account: Account) -> Iterator[Pair]:
    yield Pair(_("Account"), account.username)
    yield Pair(_("Made"), moment(account.created_at))
    yield Pair(_("Signed in last"), moment(account.last_login))
    yield Pair(_("Password"), _("set") if account.has_usable_password() else _("none"))
    for factor in Authenticator.objects.filter(user=account).defer("data"):
        yield Pair(_("Second factor"), factor.get_type_display(), note=moment(factor.created_at))
    for linked in SocialAccount.objects.filter(user=account).only("provider", "uid", "date_joined"):
        yield Pair(_("Single sign-on"), f"{linked.provider}: {linked.uid}", note=moment(linked.date_joined))
    for session in UserSession.objects.filter(user=account).defer("session_key", "data"):
        yield Pair(_("Session"), f"{session.ip}, {session.user_agent}", note=moment(session.created_at))


def _of_requests(person: Person) -> Iterator[SheetSection]:
    requests = TokenRequest.objects.filter(person=person).select_related("requested_by")
    yield _table(
        _("Requests"),
        requests.prefetch_related("approvals__approver").order_by("created_at"),
        (_("Reference"), lambda request: request.reference),
        (_("Kind"), lambda request: request.get_kind_display()),
        (_("Asked by"), lambda request: request.requested_by),
        (_("Asked"), lambda request: moment(request.created_at)),
        (_("What it is for"), lambda request: request.purpose),
        (_("State"), lambda request: f"{request.get_state_display()} {request.reason_words}".strip()),
        (_("Decided by"), lambda request: "; ".join(map(_decision, request.approvals.all()))),
    )
    yield _table(
        _("Accepted terms"),
        TermsAcceptance.objects.filter(person=person).select_related("text__version").order_by("accepted_at"),
        (_("Text"), lambda acceptance: acceptance.text.title),
        (_("Version"), lambda acceptance: acceptance.text.version.number),
        (_("Accepted"), lambda acceptance: moment(acceptance.accepted_at)),
    )


def _decision(approval: Approval) -> str:
    said = f"{approval.get_decision_display()}, {moment(approval.decided_at)} {approval.reason}"
    return labelled(approval.approver, said.strip())


def _of_tokens(person: Person) -> Iterator[SheetSection]:
    tokens = SoftwareToken.objects.filter(person=person).select_related("token_type")
    yield _table(
        _("Software tokens"),
        tokens.prefetch_related("installations").defer("passphrase_wrapped").order_by("created_at"),
        (_("Software token"), lambda token: token),
        (_("State"), lambda token: token.get_state_display()),
        (_("Delivered"), lambda token: f"{token.get_delivery_display()}, {moment(token.delivered_at)}"),
        (_("Passphrase noted"), lambda token: moment(token.acknowledged_at)),
        (_("Installed"), _devices),
        (_("Ended"), lambda token: moment(token.ended_at)),
    )
    certificates = Certificate.objects.filter(token__person=person)
    certificates = certificates.defer("private_key_wrapped", "certificate").order_by("created_at")
    yield _table(
        _("Certificates"),
        with_copies(certificates),
        (_("Subject"), lambda certificate: certificate.subject),
        (_("Serial number"), lambda certificate: certificate.serial),
        (_("Issuer"), lambda certificate: certificate.issuer),
        (_("Valid from"), lambda certificate: moment(certificate.not_before)),
        (_("Valid until"), lambda certificate: moment(certificate.not_after)),
        (_("State"), lambda certificate: certificate.get_state_display()),
        (_("Copy of the key kept"), lambda certificate: _("yes") if certificate.copy_is_kept else _("no")),
    )
    keys = ArchivedKey.objects.filter(owner=person).only("public_key_sha256", "archived_at", "purpose")
    yield _table(
        _("Archived encryption keys"),
        keys.order_by("archived_at"),
        (_("SHA-256 of the public key"), lambda key: key.public_key_sha256),
        (_("Archived"), lambda key: moment(key.archived_at)),
    )


def _devices(token: SoftwareToken) -> str:
    return "; ".join(f"{each}, {moment(each.said_at)}" for each in token.installations.all())


def _of_the_log(person: Person) -> Iterator[SheetSection]:
    mails = OutgoingMail.objects.filter(person=person).defer("body_text", "body_html").order_by("created_at")
    yield _table(
        _("Mails"),
        mails.iterator(chunk_size=500),
        (_("Mail"), lambda mail: title_of(mail.message)),
        (_("To"), lambda mail: mail.to_address),
        (_("Made"), lambda mail: moment(mail.created_at)),
        (_("Sent"), lambda mail: moment(mail.sent_at)),
        (_("State"), lambda mail: mail.get_state_display()),
    )
    deciders = _deciders(person)
    found = map(event_wording.worded, events(person).iterator(chunk_size=500))
    yield _table(
        _("What the audit log says about the person"),
        found,
        (_("When"), lambda line: moment(line.event.at)),
        (_("What"), lambda line: line.words.title),
        (_("By"), lambda line: _who(line.event, line.words.actor, person, deciders)),
        lead=_acts_as_officer(person),
    )


def events(person: Person) -> Any:
    """Events about the person; of recoveries those alone that are requests of their own."""
    rows = AuditEvent.objects.filter(person=person).exclude(_of_others_recoveries(person))
    return rows.select_related("actor", "token__token_type").order_by("pk")


def _of_others_recoveries(person: Person) -> Q:
    of_a_recovery = Q(name__startswith="recovery.")
    own = TokenRequest.objects.filter(person=person).values("pk")
    return of_a_recovery & (Q(request=None) | ~Q(request__in=own))


def _deciders(person: Person) -> set[Any]:
    """Requesters and deciders of the person's requests, whose names the person knows."""
    requests = TokenRequest.objects.filter(person=person)
    asked = requests.values_list("requested_by_id", flat=True)
    return {*asked, *requests.values_list("approvals__approver_id", flat=True), person.pk}


def _who(event: AuditEvent, name: Words, person: Person, deciders: set[Any]) -> Words:
    """Who acted: by name the system, the person, and those of the person's requests; no other officer."""
    known = event.actor_id is None or (event.actor_id in deciders and event.request_id is not None)
    return name if known or event.actor_id == person.pk else _("An officer")


def _acts_as_officer(person: Person) -> str:
    number = AuditEvent.objects.filter(actor=person).exclude(person=person).count()
    number += Postponement.objects.filter(approver=person).count()
    if not number:
        return ""
    return ngettext(
        "Beside these, %(number)d act as an officer is recorded, which concerns others.",
        "Beside these, %(number)d acts as an officer are recorded, which concern others.",
        number,
    ) % {"number": number}


def _retention() -> SheetSection:
    days = (
        (_("Texts of mails"), settings.RETENTION_MAIL_DAYS),
        (_("Personal details of ended requests"), settings.RETENTION_REQUEST_DAYS),
        (_("Archived keys, after their certificates have ended"), settings.RETENTION_ARCHIVE_DAYS),
        (_("What the audit log says of sign-ins"), settings.RETENTION_SIGN_IN_DAYS),
        (_("The oldest part of the audit log"), settings.RETENTION_AUDIT_DAYS),
    )
    pairs = [Pair(what, _after(number)) for what, number in days]
    pairs.append(
        Pair(_("Files of software tokens"), _("after the time of their type, at their end at the latest"))
    )
    after_lock = _("at the earliest %(number)d days after the person is locked, when two officers agree")
    pairs.append(Pair(_("The record itself"), after_lock % {"number": settings.ERASURE_DAYS}))
    pairs.append(Pair(_("Copies in backups"), _after(settings.BACKUP_KEPT_DAYS)))
    return SheetSection(_("When what is deleted"), pairs=pairs)


def _after(days: int) -> str:
    if not days:
        return _("are not deleted by time")
    return ngettext("after %(number)d day", "after %(number)d days", days) % {"number": days}
