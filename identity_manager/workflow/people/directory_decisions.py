"""Verbs on directory sources and their runs: run now, dry run, release or drop a stopped run, end a link."""

import uuid

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit, queue, task_names
from identity_manager.directory import sources
from identity_manager.models import (
    DirectoryLink,
    DirectoryRun,
    DirectorySource,
    EntryState,
    Person,
    RunMode,
)
from identity_manager.models.directory.run import RunState
from identity_manager.people import directory_policy, registration_policy
from identity_manager.people.directory_runs import completion
from identity_manager.transactions import locking, second_officer
from identity_manager.transactions.refusals import (
    NO_REASON,
    NotAllowed,
    Reason,
    Stale,
    refuse,
    require,
)
from identity_manager.workflow.people.directory_runs import facts, put_aside

IS_STOPPED = Reason(
    "directory-is-stopped",
    _("A run of this directory was stopped. Let it go on, or drop it, first."),
)
RUNS_NOW = Reason("directory-runs-now", _("This directory is read just now."))
NOT_GONE = Reason("directory-link-alive", _("The account is still there in the directory. The link stays."))


def start(*, actor: Person, name: str, mode: RunMode) -> DirectorySource:
    """Make the source due now, in this mode. Raises NotAllowed, Stale, DirectorySource.DoesNotExist."""
    with transaction.atomic():
        refuse(directory_policy.starting_obstacle(actor), kind=NotAllowed)
        configuration = sources.configuration_of(name)
        if configuration is None:
            raise DirectorySource.DoesNotExist(name)
        row, _made = DirectorySource.objects.get_or_create(name=name)
        stopped = DirectoryRun.objects.waiting().filter(source=row).exists()
        refuse(IS_STOPPED if stopped else None, kind=Stale)
        now = timezone.now()
        free = DirectorySource.objects.filter(pk=row.pk).unleased(now)
        changed = free.update(wanted=mode, wanted_by=actor, next_attempt_at=now, nudged_at=None)
        require(changed, else_=RUNS_NOW, kind=Stale)

        audit.record(
            audit.Event.DIRECTORY_RUN_ASKED,
            actor=actor,
            subject=None,
            directory_source=name,
            state=mode.value,
        )
        queue.after_commit(task_names.READ_DIRECTORY, row.pk)
        return row


def let_go_on(*, actor: Person, run_id: uuid.UUID) -> DirectoryRun:
    """Release a stopped run, by a Registration Officer; after the second one it changes persons.

    Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        row = _to_decide(actor, run_id)
        now = timezone.now()
        known = facts(row)
        if row.state == RunState.STOPPED:
            row.ask(by=actor, now=now)
            row.save()
            audit.record(audit.Event.DIRECTORY_RUN_LET_GO_ON, actor=actor, subject=None, **known)
            return row
        row.confirm(by=actor, now=now)
        row.save()
        DirectorySource.objects.filter(pk=row.source_id).update(next_attempt_at=now, nudged_at=None)
        audit.record(audit.Event.DIRECTORY_RUN_CONFIRMED, actor=actor, subject=None, **known)
        queue.after_commit(task_names.READ_DIRECTORY, row.source_id)
        return row


def drop(*, actor: Person, run_id: uuid.UUID, reason: str) -> DirectoryRun:
    """Drop a stopped run with a reason, by any Registration Officer; the next run reads anew.

    Raises NotAllowed, NotPossible or Stale.
    """
    with transaction.atomic():
        require(
            registration_policy.registers_everywhere(actor),
            else_=directory_policy.NOT_EVERYWHERE,
            kind=NotAllowed,
        )
        row = locking.directory_run(run_id)
        require(row.waits(), else_=directory_policy.NOT_STOPPED, kind=Stale)
        require(reason.strip(), else_=NO_REASON, field="reason")

        row.drop(by=actor, reason=reason.strip(), now=timezone.now())
        row.save()
        completion.erase_all(row)
        audit.record(
            audit.Event.DIRECTORY_RUN_DROPPED, actor=actor, subject=None, **facts(row), reason=reason.strip()
        )
    put_aside(row)
    return row


def link_obstacle(person: Person) -> Reason | None:
    """Why the person's link to a directory entry cannot be ended, or None."""
    gone = DirectoryLink.objects.filter(person=person, state=EntryState.ABSENT).exists()
    return None if gone else NOT_GONE


def end_link(*, actor: Person, person_id: uuid.UUID) -> Person:
    """End a person's link to a deleted directory entry, so that a new entry can be linked.

    E-mail, UPN and SID of the new entry wait for a second officer. Raises NotAllowed or Stale.
    """
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(registration_policy.officer_obstacle(actor, person), kind=NotAllowed)
        refuse(link_obstacle(person), kind=Stale)

        link = DirectoryLink.objects.select_related("source").get(person=person)
        name = link.source.name
        link.delete()
        DirectorySource.objects.filter(name=name).update(wanted=RunMode.FULL)
        audit.record(audit.Event.DIRECTORY_LINK_CUT, actor=actor, subject=person, directory_source=name)
        return person


def _to_decide(actor: Person, run_id: uuid.UUID) -> DirectoryRun:
    row = locking.directory_run(run_id)
    second_officer.require(
        actor, row, reasons=directory_policy.REASONS, not_waiting=directory_policy.NOT_STOPPED
    )
    return row
