"""The doctor: checks of the installation, each with meaning and remedy.

A check that needs an unreachable database reports that and does not stop the others.
"""

import logging
from collections.abc import Iterator

from django.db import DatabaseError, connection

from identity_manager.management.doctor import (
    addresses,
    archive,
    comparisons,
    database,
    duties,
    keys,
    machine,
    other_systems,
    outside,
    processes,
    sign_on,
)
from identity_manager.management.doctor.check_result import Check, CheckResult, failed

logger = logging.getLogger(__name__)
SECONDS_ONCE_AWAY = 0.2  # a dozen checks ask it
CHECKS = (
    Check("settings", keys.settings_fit),
    Check("database", database.reachable),
    Check("migrations", database.migrations),
    Check("user principal names", database.principal_names),
    Check("tables by month", database.months),
    Check("shared cache", database.shared_cache),
    Check("read replica", database.replica),
    Check("broker", processes.broker),
    Check("beat and workers", processes.beat_and_workers),
    Check("jobs", processes.periodic_work),
    Check("backups", processes.backups),
    Check("certificate authorities", outside.certificate_authorities),
    Check("comparison with authorities", comparisons.with_authorities),
    Check("mail", outside.mail_server),
    Check("SIEM", other_systems.siem),
    Check("webhooks", other_systems.webhooks),
    Check("addresses", addresses.portals),
    Check("single sign-on", sign_on.providers),
    Check("clock of the database", database.clock),
    Check("clocks of the hosts", processes.clocks_of_hosts),
    Check("clock of the authorities", addresses.clocks_of_authorities),
    Check("separation of duties", duties.conflicting_roles),
    Check("secret files", keys.files),
    Check("key rings", keys.rings),
    Check("keys elsewhere", keys.elsewhere),
    Check("shares of officers", keys.share_transport),
    Check("key archive", archive.key_archive),
    Check("kept secrets", keys.opened),
    Check("disk", machine.disk),
    Check("time zones", machine.time_zones),
    Check("static files", machine.static_files),
    Check("translations", machine.translations),
)


def examine(checks: tuple[Check, ...] = CHECKS) -> Iterator[tuple[str, CheckResult]]:
    """Yield check names with their results, in order."""
    for check in checks:
        try:
            for finding in check.look():
                yield check.name, finding
        except DatabaseError as error:
            _wait_no_longer()
            yield (
                check.name,
                failed(f"The database: {_first_line(error)}", "See DATABASE_URL and migrations."),
            )
        except OSError as error:
            yield (
                check.name,
                failed(f"{error.filename or 'The system'}: {error.strerror}.", "See its rights."),
            )
        except Exception as error:
            logger.exception("The check %s broke", check.name)
            yield (
                check.name,
                failed(f"This check itself broke: {type(error).__name__}.", "The log has the details."),
            )


def _wait_no_longer() -> None:
    """Shorten time-outs once the database was unreachable."""
    pool = getattr(connection, "pool", None)  # of PostgreSQL alone
    if pool is not None:
        pool.timeout = SECONDS_ONCE_AWAY


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
