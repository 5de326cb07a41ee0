"""Job schedule: what each job does, how often it runs, and its label on the page of jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from ca_bridge.database import statistics
from identity_manager.audit import head_export
from identity_manager.authorities import circuit_breaker
from identity_manager.events import delivering, waking
from identity_manager.jobs import (
    ca_scans,
    key_rotation,
    key_service_waits,
    month_division,
    placement_scans,
    portal_certificates,
    retention,
    road_scans,
    search_scans,
    sweep,
)
from identity_manager.people import saved_searches
from identity_manager.people.api_access import api_calls
from identity_manager.people.officers import recertification, roles
from identity_manager.people.sign_in import sessions
from identity_manager.vault import wrapping as vault
from identity_manager.workflow.archive import drills, readdressing, share_rounds
from identity_manager.workflow.batch import approver_mails
from identity_manager.workflow.batch import orders as batch_orders
from identity_manager.workflow.delivery import reports
from identity_manager.workflow.issuance import ca_comparison, expiry
from identity_manager.workflow.people import directory_runs, imports
from identity_manager.workflow.recovery import expiry as recovery_expiry
from identity_manager.workflow.recovery import moved_keys
from identity_manager.workflow.renewal import supersession
from identity_manager.workflow.requests import lapse, reminders, suspension
from identity_manager.workflow.targets import drift
from identity_manager.workflow.token_imports import decisions as token_imports


@dataclass(frozen=True)
class Job:
    """A periodic job. run returns a count or a sentence, and may raise anything.

    lease: when a crashed run is repeated; empty: LEASE_SECONDS. run is idempotent, also in two workers.
    """

    name: str
    label: str | Promise
    every: timedelta
    run: Callable[[], int | str]
    lease: timedelta | None = None


def _erase_traces() -> str:
    return "" if vault.erase_traces() else str(_("The database was busy; the next run does it."))


JOBS: tuple[Job, ...] = (
    Job(
        "queue.sweep",
        _("Takes up what is due and was left: certificates, tokens, mails"),
        timedelta(seconds=5),
        sweep.sweep,
        lease=timedelta(seconds=30),  # without it nothing goes on that was left
    ),
    Job(
        "vault.erase_traces",
        _("Overwrites what erased secrets left behind in the database's files"),
        timedelta(seconds=5),
        _erase_traces,
    ),
    Job(
        "ca.revoke_surplus",
        _("Revokes what a certificate authority issued beside what is used"),
        timedelta(minutes=1),
        ca_scans.revoke_surplus,
    ),
    Job(
        "ca.compare",
        _("Compares orders that were in doubt or refused with what their certificate authority has"),
        timedelta(minutes=1),
        ca_scans.compare_with_cas,
    ),
    Job(
        "ca.compare_issued",
        _("Compares what certificate authorities have issued with the database, after a restore"),
        timedelta(minutes=1),
        ca_comparison.continue_comparison,
    ),
    Job(
        "ca.renew_crls",
        _("Renews the revocation lists and OCSP signers that are due"),
        timedelta(minutes=5),
        registry.renew_crls,
    ),
    Job(
        "ca.read_crls",
        _("Looks whether the published revocation lists name what was revoked"),
        timedelta(minutes=1),
        road_scans.read_crls,
    ),
    Job(
        "ca.check",
        _("Asks each certificate authority whether it answers"),
        timedelta(minutes=5),
        circuit_breaker.check_all,
    ),
    Job(
        "road.lapse_overdue",
        _("Ends requests and passphrases whose time has run out"),
        timedelta(hours=1),
        lapse.lapse_overdue,
    ),
    Job(
        "road.expire_ended",
        _("Ends tokens whose certificates have all ended, and orders anew what ended before sealing"),
        timedelta(hours=1),
        expiry.expire_ended,
    ),
    Job(
        "renewals.expiry_check",
        _("Tells persons which of their tokens end soon, or starts their renewal"),
        timedelta(hours=1),
        road_scans.check_expiry,
    ),
    Job(
        "renewals.replace_superseded",
        _("Ends tokens whose renewal has worked for some days"),
        timedelta(hours=1),
        supersession.replace_superseded,
    ),
    Job(
        "tokens.check_installations",
        _("Reminds persons to say that a token is installed, tells officers, or revokes it, by its type"),
        timedelta(hours=1),
        road_scans.check_installations,
    ),
    Job(
        "mail.read_reports",
        _("Reads the delivery reports of mail servers from their mailbox"),
        timedelta(minutes=5),
        reports.read_mailbox,
    ),
    Job(
        "archive.late_intake",
        _("Archives keys of tokens from before, once their persons have accepted terms that say so"),
        timedelta(minutes=5),
        road_scans.archive_late,
    ),
    Job(
        "archive.readdress",
        _("Seals archived keys of retired recovery certificates for those in force"),
        timedelta(minutes=1),
        readdressing.readdress_next,
    ),
    Job(
        "recovery.choose_key_anew",
        _("Chooses the key of a recovery anew if its archived keys were sealed for another one"),
        timedelta(minutes=1),
        moved_keys.choose_anew,
    ),
    Job(
        "terms.ask_again",
        _("Asks holders of tokens to accept a new version of terms, reminds them, and acts on who is late"),
        timedelta(hours=1),
        road_scans.ask_for_terms_again,
    ),
    Job(
        "requests.remind_of_acceptance",
        _("Reminds persons of terms that they have not accepted yet"),
        timedelta(hours=1),
        reminders.remind_of_acceptance,
    ),
    Job(
        "requests.remind_of_passphrases",
        _("Reminds persons of passphrases that they have not noted yet"),
        timedelta(hours=1),
        reminders.remind_of_passphrases,
    ),
    Job(
        "requests.bring_back_postponed",
        _("Brings postponed decisions back when their time has come"),
        timedelta(minutes=1),
        reminders.return_all_postponed,
    ),
    Job(
        "requests.chase_decisions",
        _("Reminds approvers, and asks others where nobody decides"),
        timedelta(hours=1),
        reminders.escalate_all_undecided,
    ),
    Job(
        "batches.tell_approvers",
        _("Tells approvers of requests of batch orders, where nobody has told them"),
        timedelta(hours=1),
        approver_mails.tell_of_stopped,
    ),
    Job(
        "requests.notice_changes",
        _("Stops requests whose person has changed since they were asked for"),
        timedelta(minutes=5),
        suspension.check_all,
    ),
    Job(
        "tokens.notice_holder_changes",
        _("Finds tokens whose person has changed since, and renews them or tells an officer"),
        timedelta(minutes=5),
        road_scans.notice_holder_changes,
    ),
    Job(
        "imports.forget_old",
        _("Drops the files of imports that nobody went on with for seven days"),
        timedelta(hours=1),
        imports.forget_old,
    ),
    Job(
        "directory.schedule",
        _("Puts new directory sources on schedule, and drops stopped runs that nobody let go on"),
        timedelta(minutes=1),
        directory_runs.continue_runs,
    ),
    Job(
        "targets.review",
        _("Looks which certificates are to be published or taken back"),
        timedelta(minutes=5),
        placement_scans.review,
    ),
    Job(
        "targets.compare",
        _("Compares what targets have with what was published there"),
        timedelta(days=1),
        drift.survey_all,
        lease=timedelta(hours=2),
    ),
    Job(
        "token_imports.forget_old",
        _("Deletes the rows of imports of tokens that ended 90 days ago"),
        timedelta(days=1),
        token_imports.forget_old,
    ),
    Job(
        "batches.forget_old",
        _("Cancels batch orders that nobody has started for seven days"),
        timedelta(hours=1),
        batch_orders.forget_old,
    ),
    Job(
        "api.forget_old_calls",
        _("Deletes the idempotency keys of calls to the API that are older than seven days"),
        timedelta(hours=1),
        api_calls.forget_old,
    ),
    Job(
        "roles.end_overdue",
        _("Takes away the roles whose last day is over"),
        timedelta(hours=1),
        roles.end_overdue,
    ),
    Job(
        "database.count",
        _("Counts what the database holds, so that searches take the shortest way"),
        timedelta(hours=1),
        statistics.analyze,
    ),
    Job(
        "database.make_months",
        _("Makes the next months of tables that are divided by month"),
        timedelta(hours=1),
        month_division.continue_division,
    ),
    Job(
        "search.refresh",
        _("Rewrites what searches look through, where it is not what the person is called"),
        timedelta(hours=6),
        search_scans.refresh_texts,
    ),
    Job(
        "search.learn_names",
        _("Takes the words of new names in, so that a search with a typo can offer them"),
        timedelta(minutes=1),
        search_scans.learn_names,
    ),
    Job(
        "search.forget_names",
        _("Deletes words that are in nobody's name any more"),
        timedelta(hours=6),
        search_scans.forget_names,
    ),
    Job(
        "audit.sign_heads",
        _("Signs where the audit log stands, and carries the signatures off this machine"),
        timedelta(minutes=1),
        head_export.sign_and_export,
    ),
    Job(
        "events.wake",
        _("Has sealed audit events sent to other systems, where nobody has begun"),
        timedelta(minutes=1),
        waking.wake,
    ),
    Job(
        "vault.tend_keys",
        _("Moves secrets under new keys, and destroys the keys that nothing needs any more"),
        timedelta(minutes=1),
        key_rotation.rewrap_and_destroy,
    ),
    Job(
        "vault.wake_waiting",
        _("Has what waits for the key service tried again as soon as that answers"),
        timedelta(minutes=1),
        key_service_waits.wake,
    ),
    Job(
        "archive.end_share_rounds",
        _("Erases officers' shares whose half hour is over, and publishes the key under which shares travel"),
        timedelta(minutes=1),
        share_rounds.end_overdue,
    ),
    Job(
        "archive.carry_out_drills",
        _("Opens the canary keys of recovery drills on which two officers have agreed"),
        timedelta(minutes=1),
        drills.carry_out,
    ),
    Job(
        "recovery.end_over",
        _("Ends recoveries for somebody else whose last day is over, and removes their files"),
        timedelta(hours=1),
        recovery_expiry.end_over,
    ),
    Job(
        "roles.recertification",
        _("Opens the yearly recertification of roles, reminds, and ends it"),
        timedelta(hours=1),
        recertification.check,
    ),
    Job(
        "portals.certificates",
        _("Looks when the TLS certificates of the portals end"),
        timedelta(hours=6),
        portal_certificates.look,
    ),
    Job(
        "reports.mail_links",
        _("Mails officers the links to their saved reports"),
        timedelta(minutes=15),
        saved_searches.mail_due_links,
    ),
    Job(
        "retention.containers",
        _("Removes files of tokens that are kept no longer"),
        timedelta(hours=1),
        retention.remove_containers,
    ),
    Job("events.forget", _("Removes old deliveries of webhooks"), timedelta(hours=1), delivering.forget),
    Job("retention.mails", _("Removes the texts of old mails"), timedelta(hours=1), retention.empty_mails),
    Job(
        "retention.archive",
        _("Removes archived keys that are kept no longer"),
        timedelta(hours=1),
        retention.remove_archived_keys,
    ),
    Job(
        "retention.requests",
        _("Takes personal details out of old requests"),
        timedelta(hours=1),
        retention.empty_requests,
    ),
    Job(
        "sessions.forget",
        _("Removes sessions that have run out"),
        timedelta(hours=1),
        sessions.forget_ended,
    ),
    Job(
        "retention.sign_ins",
        _("Removes what the audit log says of old sign-ins"),
        timedelta(hours=1),
        retention.forget_sign_ins,
    ),
    Job(
        "retention.audit",
        _("Removes the oldest part of the audit log, up to a signed checkpoint"),
        timedelta(hours=1),
        retention.report_audit_log_cut,
    ),
)


def named(name: str) -> Job | None:
    """The job of that name, or None."""
    return next((job for job in JOBS if job.name == name), None)
