"""DATABASE_URL, parsed by dj-database-url, and what that does not do.

It knows other kinds of databases and any parameter: ours are two, and only libpq's parameters below pass.
It has one host before the path: several stand in `?host=a,b`. To it the path of sqlite:///srv/db is relative,
to us absolute, because the processes of an installation start in different directories. Its errors may hold a
part of the address, and so a password; ours do not.
"""

from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

POSTGRESQL = "identity_manager.config.database.postgresql"
SQLITE = "identity_manager.config.database.sqlite"
dj_database_url.register("postgresql", POSTGRESQL)
dj_database_url.register("sqlite", SQLITE)
# What the address may say of the connection to PostgreSQL, in libpq's own words.
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
# A host that is gone without a word is noticed within half a minute, not after hours.
LIVELINESS = {
    "connect_timeout": "5",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def description(name: str, address: str) -> dict[str, Any]:
    """Django's description of the database at the address; name is that of the setting, for a refusal.

    Raises ImproperlyConfigured, never with a part of the address, which may hold a password.
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
    """Several hosts, of which one may be written to: `?host=a,b&port=5432,5432&target_session_attrs=...`."""
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
    """WAL and IMMEDIATE keep writers from failing each other; secure_delete overwrites what is deleted.

    Connections are not kept by threads (CONN_MAX_AGE): the last one that is closed truncates the write-ahead
    log, where what was overwritten since may stand. Our backend says which are kept, and for how short.
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
