"""Verbs on saved searches and reports, an officer's private bookmarks; therefore not audited."""

import unicodedata
import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager.mail import outbox
from identity_manager.mail.messages import report_messages
from identity_manager.models import OFFICER_ROLES, Mailing, Person, SavedSearch
from identity_manager.transactions import locking, retry_later
from identity_manager.transactions.refusals import Reason, refuse, require

REPORT = "report"  # kind of a saved report
LIMIT = 20
LONGEST_NAME = 60
LONGEST_QUERY = 2000
NO_NAME = Reason("no-name", _("Give the search a name."))
BAD_NAME = Reason(
    "bad-name",
    format_lazy(
        _("A name has at most {longest} characters, and no control characters."), longest=LONGEST_NAME
    ),
)
NAME_TAKEN = Reason("search-name-taken", _("You have a search of this name already."))
TOO_MANY = Reason(
    "too-many-searches", format_lazy(_("You have {limit} saved searches. Delete one first."), limit=LIMIT)
)
TOO_LONG = Reason("query-too-long", _("This search is too long to be kept. Use fewer words."))


def keep(*, actor: Person, name: str, kind: str, query: str) -> SavedSearch:
    """Save a search under a name. Raises NotPossible (name, number of searches, length)."""
    with transaction.atomic():
        locking.person(actor.pk)
        wanted = _name(actor, name)
        refuse(TOO_LONG if len(query) > LONGEST_QUERY else None)
        refuse(TOO_MANY if SavedSearch.objects.filter(owner=actor).count() >= LIMIT else None)

        return SavedSearch.objects.create(owner=actor, name=wanted, kind=kind, query=query)


def keep_report(*, actor: Person, name: str, query: str, mailing: Mailing) -> SavedSearch:
    """Save a report with its filters under a name, and have a link to it mailed so often. Raises as keep."""
    with transaction.atomic():
        row = keep(actor=actor, name=name, kind=REPORT, query=query)
        row.schedule(mailing, timezone.now())
        row.save(update_fields=["mailing", "mail_due_at"])
        return row


def mail_report(*, actor: Person, search_id: uuid.UUID, mailing: Mailing) -> SavedSearch:
    """Have a link to a saved report mailed so often, or never. Raises SavedSearch.DoesNotExist."""
    with transaction.atomic():
        locking.person(actor.pk)
        row = SavedSearch.objects.select_related("owner").get(pk=search_id, owner=actor, kind=REPORT)
        row.schedule(mailing, timezone.now())
        row.save(update_fields=["mailing", "mail_due_at"])
        return row


def mail_due_links() -> int:
    """Job: mail the links to saved reports that are due; return how many."""
    due = SavedSearch.objects.filter(mail_due_at__lte=timezone.now())
    return retry_later.for_each_isolated(due.order_by().values_list("pk", flat=True), _mail_link)


def _mail_link(search_id: uuid.UUID) -> bool:
    """Mail one link, if its owner is an Active officer. Safe to repeat: the next day stands from then on."""
    with transaction.atomic():
        locking.person(SavedSearch.objects.values_list("owner", flat=True).get(pk=search_id))
        now = timezone.now()
        rows = SavedSearch.objects.select_related("owner").filter(pk=search_id, mail_due_at__lte=now)
        row = rows.first()
        if row is None:
            return False
        opens = any(held.role in OFFICER_ROLES for held in row.owner.roles_in_force())
        if row.owner.is_active and opens:
            outbox.enqueue(report_messages.report_link(row, row.owner), by_sweep=True)
        row.schedule(Mailing(row.mailing), now)
        row.save(update_fields=["mail_due_at"])
        return row.owner.is_active and opens


def rename(*, actor: Person, search_id: uuid.UUID, name: str) -> SavedSearch:
    """Rename a saved search. Raises NotPossible, or SavedSearch.DoesNotExist for another officer's."""
    with transaction.atomic():
        locking.person(actor.pk)
        row = SavedSearch.objects.get(pk=search_id, owner=actor)
        wanted = _name(actor, name, but=row)

        row.name = wanted
        row.save(update_fields=["name"])
        return row


def forget(*, actor: Person, search_id: uuid.UUID) -> None:
    """Delete a saved search; idempotent."""
    with transaction.atomic():
        locking.person(actor.pk)
        SavedSearch.objects.filter(pk=search_id, owner=actor).delete()


def _name(actor: Person, name: str, *, but: SavedSearch | None = None) -> str:
    """The stripped name; refused at its field."""
    wanted = name.strip()
    require(wanted, else_=NO_NAME, field="name")
    is_bad = len(wanted) > LONGEST_NAME or any(unicodedata.category(sign)[0] == "C" for sign in wanted)
    refuse(BAD_NAME if is_bad else None, field="name")
    others = {row.name.casefold() for row in SavedSearch.objects.filter(owner=actor) if row != but}
    taken = wanted.casefold() in others
    refuse(NAME_TAKEN if taken else None, field="name")
    return wanted
