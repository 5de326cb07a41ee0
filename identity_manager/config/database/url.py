"""The address of a database, as Django wants to hear it."""

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

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
        url = urlsplit(address)
        if url.scheme == "sqlite":
            return _sqlite(unquote(url.path))
        if url.scheme == "postgresql":
            return _postgresql(name, url)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be an address; its host or port is none.") from error
    raise ImproperlyConfigured(f"{name} must begin with sqlite:/// or postgresql://.")


def _postgresql(name: str, url: SplitResult) -> dict[str, Any]:
    """Several hosts, of which one may be written to: `?host=a,b&port=5432,5432&target_session_attrs=...`."""
    parameters = dict(parse_qsl(url.query))
    unknown = sorted(set(parameters) - PARAMETERS)
    if unknown:
        raise ImproperlyConfigured(f"{name} must not say {', '.join(unknown)}.")
    return {
        "ENGINE": "identity_manager.config.database.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": parameters.pop("host", unquote(url.hostname or "")),
        "PORT": parameters.pop("port", url.port or ""),
        "CONN_HEALTH_CHECKS": False,  # our backend looks itself whether what the pool gives is alive
        "OPTIONS": {**LIVELINESS, **parameters},
    }


def _sqlite(path: str) -> dict[str, Any]:
    """WAL and IMMEDIATE keep writers from failing each other; secure_delete overwrites what is deleted.

    Connections are not kept by threads (CONN_MAX_AGE): the last one that is closed truncates the write-ahead
    log, where what was overwritten since may stand. Our backend says which are kept, and for how short.
    """
    pragmas = ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "secure_delete=ON")
    return {
        "ENGINE": "identity_manager.config.database.sqlite",
        "NAME": path,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "".join(f"PRAGMA {pragma};" for pragma in pragmas),
        },
    }
