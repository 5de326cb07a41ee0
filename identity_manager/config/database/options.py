"""How a process uses PostgreSQL: under which name, with how many connections, and how long it waits.

SQLite needs none of it: one file, no server, and a wait of its own (database/sqlite/busy_wait.py).
"""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from identity_manager.config import env
from identity_manager.config.database import url
from identity_manager.config.runtime import process_kind

TASK_SECONDS = 300  # a task is ended then, whatever it does
MIGRATION_LOCK_SECONDS = 5  # behind a migration that waits for a table, every page waits
REPLICA_WAIT_SECONDS = 2
READ_COMMITTED = 2  # psycopg.IsolationLevel; each verb locks the rows that it decides on
# Workers ask the same things again and again: prepared, these cost the server half of its processor time.
# Pages ask with what people have typed, too, and are better off with a plan for that: there only what says
# so is prepared (ca_bridge/database/query_plans.py).
PREPARED = {"prepare_threshold": 3}
ALL_PREPARED = {**PREPARED, "server_side_binding": True}


def tuned(described: dict[str, Any]) -> dict[str, Any]:
    """The description with the password, the pool and the limits that the settings say."""
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
    if not pooler:  # it hands sessions round, and knows nothing of what one began with or has prepared
        options["options"] = " ".join(f"-c {name}={seconds * 1000}" for name, seconds in limits.items())
        options |= ALL_PREPARED if worker else PREPARED
    return {
        **described,
        "PASSWORD": password or described["PASSWORD"],
        "DISABLE_SERVER_SIDE_CURSORS": pooler,
        "OPTIONS": options,
    }


def replica(name: str, address: str, *, of: dict[str, Any]) -> dict[str, Any]:
    """The description of a read replica at the address; name is that of the setting, of: the primary's.

    Raises ImproperlyConfigured for SQLite, which has no replicas. A page waits for a replica that is down at
    most REPLICA_WAIT_SECONDS, then reads the primary.
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
    """Connections of this process, opened when they are needed; False for one of each thread's own."""
    size = env.integer("DATABASE_POOL_SIZE", 16, maximum=200)
    least = env.integer("DATABASE_POOL_MINIMUM", 1, maximum=200)
    wait = env.integer("DATABASE_POOL_WAIT", 10, minimum=1, maximum=300)
    if size == 0:
        return False
    return {"min_size": min(least, size), "max_size": size, "timeout": wait, "num_workers": 1}


def _limits(kind: str) -> dict[str, int]:
    """PostgreSQL's own settings, in seconds; 0 is none. Commands may take their time."""
    statement = env.integer("DATABASE_STATEMENT_SECONDS", 30, maximum=3600)
    lock = env.integer("DATABASE_LOCK_SECONDS", 30, maximum=3600)
    idle = env.integer("DATABASE_IDLE_SECONDS", 60, maximum=3600)
    unlimited = kind in {process_kind.MIGRATION, process_kind.COMMAND}
    return {
        "statement_timeout": 0 if unlimited else TASK_SECONDS if kind == process_kind.WORKER else statement,
        "lock_timeout": MIGRATION_LOCK_SECONDS if kind == process_kind.MIGRATION else lock,
        "idle_in_transaction_session_timeout": 0 if unlimited else idle,
    }
