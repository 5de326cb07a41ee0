"""Personal data of one person, to print: an access request (GDPR, article 15).

Without secrets, texts of mails, and data about other people: the only other names are of requesters and
deciders, whom the person sees in Self-Service, too. Recoveries of the person's keys for somebody else are
left out: the owner is notified by mail, unless two officers have decided otherwise.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

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
    ArchivedKey,
    AuditEvent,
    Certificate,
    Deputy,
    OutgoingMail,
    Person,
    Postponement,
    SoftwareToken,
    TermsAcceptance,
    TokenRequest,
)
from identity_manager.models.archive.archived_key import with_copies
from identity_manager.ui.parts import Pair
from identity_manager.ui.punctuation import labelled


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
    title: str, head: Sequence[str], rows: Iterable[Sequence[object]], *, lead: str = ""
) -> SheetSection:
    return SheetSection(title, lead=lead, table=SheetTable(head, list(rows)), empty=_("Nothing is kept."))


def _of_the_person(person: Person) -> Iterator[SheetSection]:
    yield SheetSection(_("Record"), pairs=list(_record(person)))
    yield _sign_in(person)
    yield from _of_roles(person)
    yield _table(
        _("Leaves"),
        (_("From"), _("Until"), _("Reason")),
        ((moment(each.began_at), moment(each.ended_at), each.reason) for each in person.leaves.all()),
    )
    yield _table(
        _("Changes of identity"),
        (_("What"), _("Before"), _("After"), _("Asked"), _("Decided")),
        (
            (label, before, after, moment(change.asked_at), moment(change.decided_at))
            for change in person.identity_changes.all()
            for label, before, after in change.lines
        ),
    )
    groups = person.directory_memberships.select_related("group")
    yield _table(
        _("Groups of the directory"),
        (_("Group"), _("Since")),
        ((each.group, moment(each.since)) for each in groups),
    )
    approving = person.approver_groups.select_related("group").order_by("added_at", "pk")
    yield _table(
        _("Approver groups"),
        (_("Group"), _("Since")),
        ((each.group, moment(each.added_at)) for each in approving),
    )
    standing = person.standing_memberships.select_related("order").order_by("since", "pk")
    yield _table(
        _("Standing orders"),
        (_("Standing order"), _("Since"), _("Until")),
        ((each.order, moment(each.since), moment(each.until)) for each in standing),
    )


def _of_roles(person: Person) -> Iterator[SheetSection]:
    yield _table(
        _("Roles"),
        (_("Role"), _("Organisational unit"), _("Assigned"), _("From"), _("Until")),
        (
            (each, each.organisational_unit, moment(each.assigned_at), each.valid_from, each.valid_until)
            for each in person.roles.order_by("assigned_at")
        ),
    )
    yield _table(
        _("Recertification of roles"),
        (_("Role"), _("Organisational unit"), _("Asked"), _("Decision"), _("Decided")),
        (
            (
                each.get_role_display(),
                each.organisational_unit,
                moment(each.campaign.opened_at),
                each.get_decision_display(),
                moment(each.decided_at),
            )
            for each in person.role_reviews.select_related("campaign").order_by("campaign__opened_at", "pk")
        ),
    )
    deputies = Deputy.objects.filter(Q(principal=person) | Q(deputy=person))
    yield _table(
        _("Deputies"),
        (_("What"), _("Organisational unit"), _("From"), _("Until"), _("Ended early")),
        (
            (
                _("is a deputy") if each.deputy_id == person.pk else _("has a deputy"),
                each.organisational_unit,
                each.valid_from,
                each.valid_until,
                moment(each.ended_at),
            )
            for each in deputies
        ),
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
        (
            _("Reference"),
            _("Kind"),
            _("Asked by"),
            _("Asked"),
            _("What it is for"),
            _("State"),
            _("Decided by"),
        ),
        map(_request, requests.prefetch_related("approvals__approver").order_by("created_at")),
    )
    accepted = TermsAcceptance.objects.filter(person=person).select_related("text__version")
    yield _table(
        _("Accepted terms"),
        (_("Text"), _("Version"), _("Accepted")),
        (
            (each.text.title, each.text.version.number, moment(each.accepted_at))
            for each in accepted.order_by("accepted_at")
        ),
    )


def _of_tokens(person: Person) -> Iterator[SheetSection]:
    tokens = SoftwareToken.objects.filter(person=person).select_related("token_type")
    yield _table(
        _("Software tokens"),
        (_("Software token"), _("State"), _("Delivered"), _("Passphrase noted"), _("Installed"), _("Ended")),
        map(
            _token,
            tokens.prefetch_related("installations").defer("passphrase_wrapped").order_by("created_at"),
        ),
    )
    certificates = Certificate.objects.filter(token__person=person).defer(
        "private_key_wrapped", "certificate"
    )
    yield _table(
        _("Certificates"),
        (
            _("Subject"),
            _("Serial number"),
            _("Issuer"),
            _("Valid from"),
            _("Valid until"),
            _("State"),
            _("Copy of the key kept"),
        ),
        map(_certificate, with_copies(certificates.order_by("created_at"))),
    )
    keys = ArchivedKey.objects.filter(owner=person).only("public_key_sha256", "archived_at", "purpose")
    yield _table(
        _("Archived encryption keys"),
        (_("SHA-256 of the public key"), _("Archived")),
        ((each.public_key_sha256, moment(each.archived_at)) for each in keys.order_by("archived_at")),
    )


def _request(row: TokenRequest) -> tuple[object, ...]:
    decisions = [
        labelled(
            each.approver, f"{each.get_decision_display()}, {moment(each.decided_at)} {each.reason}".strip()
        )
        for each in row.approvals.all()
    ]
    state = f"{row.get_state_display()} {row.reason_words}".strip()
    asked = (row.reference, row.get_kind_display(), row.requested_by, moment(row.created_at), row.purpose)
    return (*asked, state, "; ".join(decisions))


def _token(token: SoftwareToken) -> tuple[object, ...]:
    devices = [f"{each}, {moment(each.said_at)}" for each in token.installations.all()]
    return (
        token,
        token.get_state_display(),
        f"{token.get_delivery_display()}, {moment(token.delivered_at)}",
        moment(token.acknowledged_at),
        "; ".join(devices),
        moment(token.ended_at),
    )


def _certificate(row: Certificate) -> tuple[object, ...]:
    return (
        row.subject,
        row.serial,
        row.issuer,
        moment(row.not_before),
        moment(row.not_after),
        row.get_state_display(),
        _("yes") if row.copy_is_kept else _("no"),
    )


def _of_the_log(person: Person) -> Iterator[SheetSection]:
    mails = OutgoingMail.objects.filter(person=person).defer("body_text", "body_html").order_by("created_at")
    yield _table(
        _("Mails"),
        (_("Mail"), _("To"), _("Made"), _("Sent"), _("State")),
        (
            (
                title_of(each.message),
                each.to_address,
                moment(each.created_at),
                moment(each.sent_at),
                each.get_state_display(),
            )
            for each in mails.iterator(chunk_size=500)
        ),
    )
    deciders = _deciders(person)
    yield _table(
        _("What the audit log says about the person"),
        (_("When"), _("What"), _("By")),
        (_event(each, person, deciders) for each in events(person).iterator(chunk_size=500)),
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


def _event(event: AuditEvent, person: Person, deciders: set[Any]) -> tuple[object, ...]:
    words = event_wording.timeline_event(event)
    known = event.actor_id is None or (event.actor_id in deciders and event.request_id is not None)
    who = words.actor if known or event.actor_id == person.pk else _("An officer")
    return (moment(event.at), words.title, who)


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
