"""Connection options of PostgreSQL by kind of process: name, pool, time-outs, prepared statements.

SQLite needs none of them: one file, no server, and its own busy wait (database/sqlite/busy_wait.py).
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import env
from identity_manager.config.database import url
from identity_manager.config.runtime import process_kind

TASK_SECONDS = 300  # hard time limit of a task
MIGRATION_LOCK_SECONDS = 5  # lock_timeout: all pages queue behind a migration that waits for a table lock
REPLICA_WAIT_SECONDS = 2
READ_COMMITTED = 2  # psycopg.IsolationLevel; each verb locks the rows that it decides on
# Workers repeat the same queries: prepared statements halve the server's processor time. Queries of pages
# have typed search words as parameters, for which custom plans are better: there only marked queries are
# prepared (ca_bridge/database/query_plans.py).
PREPARED = {"prepare_threshold": 3}
ALL_PREPARED = {**PREPARED, "server_side_binding": True}


def tuned(described: dict[str, Any]) -> dict[str, Any]:
    """Add password, pool and time-outs of the settings to Django's database settings."""
    password = env.text("DATABASE_PASSWORD", "")
    pool, limits = _pool(), _limits(process_kind.kind())
    worker = process_kind.kind() == process_kind.WORKER
    pooler = env.boolean("DATABASE_POOLER", default=False)
    if "postgresql" not in described["ENGINE"]:
        return described
    options = {
        **described["OPTIONS"],
        "application_name": f"identity-manager {process_kind.kind()}",
        "isolation_level": READ_COMMITTED,
        "pool": pool,
    }
    if not pooler:  # a transaction pooler does not keep session settings and prepared statements
        options["options"] = " ".join(f"-c {name}={seconds * 1000}" for name, seconds in limits.items())
        options |= ALL_PREPARED if worker else PREPARED
    return {
        **described,
        "PASSWORD": password or described["PASSWORD"],
        "DISABLE_SERVER_SIDE_CURSORS": pooler,
        "OPTIONS": options,
    }


def replica(name: str, address: str, *, of: dict[str, Any]) -> dict[str, Any]:
    """Django's database settings of a read replica. name: of the setting. of: settings of the primary.

    Raises ImproperlyConfigured for SQLite, which has no replicas. A page waits at most REPLICA_WAIT_SECONDS
    for a replica that is down, then reads the primary.
    """
    found = tuned(url.description(name, address))
    if any("postgresql" not in each["ENGINE"] for each in (found, of)):
        raise ImproperlyConfigured(f"{name} needs PostgreSQL, in DATABASE_URL too: SQLite has no replicas.")
    if found["OPTIONS"]["pool"]:
        found["OPTIONS"]["pool"]["timeout"] = REPLICA_WAIT_SECONDS
    found["OPTIONS"]["connect_timeout"] = str(REPLICA_WAIT_SECONDS)
    found["OPTIONS"]["tcp_user_timeout"] = str(REPLICA_WAIT_SECONDS * 1000)  # gone without a word
    return found


def _pool() -> dict[str, Any] | bool:
    """Options of the connection pool of this process; False for one connection per thread."""
    size = env.integer("DATABASE_POOL_SIZE", 16, maximum=200)
    least = env.integer("DATABASE_POOL_MINIMUM", 1, maximum=200)
    wait = env.integer("DATABASE_POOL_WAIT", 10, minimum=1, maximum=300)
    if size == 0:
        return False
    return {"min_size": min(least, size), "max_size": size, "timeout": wait, "num_workers": 1}


def _limits(kind: str) -> dict[str, int]:
    """PostgreSQL's time-outs by kind of process, in seconds; 0: none, as for commands."""
    statement = env.integer("DATABASE_STATEMENT_SECONDS", 30, maximum=3600)
    lock = env.integer("DATABASE_LOCK_SECONDS", 30, maximum=3600)
    idle = env.integer("DATABASE_IDLE_SECONDS", 60, maximum=3600)
    unlimited = kind in {process_kind.MIGRATION, process_kind.COMMAND}
    return {
        "statement_timeout": 0 if unlimited else TASK_SECONDS if kind == process_kind.WORKER else statement,
        "lock_timeout": MIGRATION_LOCK_SECONDS if kind == process_kind.MIGRATION else lock,
        "idle_in_transaction_session_timeout": 0 if unlimited else idle,
    }
