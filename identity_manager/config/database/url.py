"""Parser of DATABASE_URL by dj-database-url, with restrictions.

Only two kinds of databases and the libpq parameters below are permitted. Several hosts are given as
`?host=a,b`. The path of sqlite:///srv/db is absolute here, relative to dj-database-url: the processes of an
installation start in different directories. Errors never contain a part of the URL, which may hold a
password.
"""

from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

POSTGRESQL = "identity_manager.config.database.postgresql"
SQLITE = "identity_manager.config.database.sqlite"
dj_database_url.register("postgresql", POSTGRESQL)
dj_database_url.register("sqlite", SQLITE)
# Permitted libpq parameters in the URL.
PARAMETERS = frozenset(
    {
        *("host", "port", "connect_timeout", "target_session_attrs", "load_balance_hosts", "passfile"),
        *(
            "sslmode",
            "sslrootcert",
            "sslcert",
            "sslkey",
            "sslcrl",
            "sslnegotiation",
            "ssl_min_protocol_version",
        ),
        *("channel_binding", "require_auth", "gssencmode", "krbsrvname", "service"),
        *("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
    }
)
# TCP keep-alives: a dead host is detected within half a minute, instead of hours.
LIVELINESS = {
    "connect_timeout": "5",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def description(name: str, address: str) -> dict[str, Any]:
    """Django's database settings for a URL. name: of the setting, for errors.

    Raises ImproperlyConfigured, without any part of the URL, which may hold a password.
    """
    try:
        found: dict[str, Any] = {"OPTIONS": {}, **dj_database_url.parse(address)}
    except dj_database_url.ParseError:
        raise ImproperlyConfigured(f"{name} must be an address; its host or port is none.") from None
    except dj_database_url.UnknownSchemeError:
        found = {"ENGINE": ""}
    if found["ENGINE"] == SQLITE:
        return _sqlite(name, found)
    if found["ENGINE"] == POSTGRESQL:
        return _postgresql(name, found)
    raise ImproperlyConfigured(f"{name} must begin with sqlite:/// or postgresql://.")


def _postgresql(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL, with failover hosts: `?host=a,b&port=5432,5432&target_session_attrs=read-write`."""
    parameters = found["OPTIONS"]
    if unknown := sorted(set(parameters) - PARAMETERS):
        raise ImproperlyConfigured(f"{name} must not say {', '.join(unknown)}.")
    if twice := sorted(key for key, value in parameters.items() if isinstance(value, list)):
        raise ImproperlyConfigured(f"{name} must not say {', '.join(twice)} twice.")
    return {
        "ENGINE": POSTGRESQL,
        "NAME": found["NAME"],
        "USER": found["USER"],
        "PASSWORD": found["PASSWORD"],
        "HOST": str(parameters.pop("host", found["HOST"])),
        "PORT": parameters.pop("port", found["PORT"]),
        "CONN_HEALTH_CHECKS": False,  # our backend looks itself whether what the pool gives is alive
        "OPTIONS": {**LIVELINESS, **parameters},
    }


def _sqlite(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """SQLite with WAL and BEGIN IMMEDIATE against lock failures, and secure_delete against data remanence.

    CONN_MAX_AGE is 0, because the backend has a pool with limits of its own (sqlite/connection_pool.py).
    """
    path = found["NAME"].lstrip("/")
    if path in {"", ":memory:"}:
        raise ImproperlyConfigured(f"{name} must name a file: sqlite:///srv/identity-manager/db.sqlite3.")
    pragmas = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON")
    return {
        "ENGINE": SQLITE,
        "NAME": f"/{path}",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "".join(f"PRAGMA {pragma};" for pragma in pragmas),
        },
    }
