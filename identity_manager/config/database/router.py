"""Django's database router with a read replica: lists read it, everything else the primary.

Which pages: console/lists/replica_pages.py. There, too, sessions, accounts and roles are read from the
primary, so that a withdrawn role takes effect at once.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model

from ca_bridge.database import read_replica

APPS = frozenset({"identity_manager", "ca_bridge"})
# Models of sign-in, roles and deputies.
ON_PRIMARY = frozenset(
    {"account", "roleassignment", "deputy", "approvergroup", "approvergroupmember", "providersession"}
)


class ReplicaRouter:
    """Routes reads to the database of the page; writes, locks and migrations to the primary."""

    def db_for_read(self, model: type[Model], **_hints: Any) -> str:
        meta = model._meta
        if meta.app_label not in APPS or meta.model_name in ON_PRIMARY:
            return DEFAULT_DB_ALIAS
        return read_replica.alias()

    def db_for_write(self, _model: type[Model], **_hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, _one: Model, _other: Model, **_hints: Any) -> bool:
        """Always: primary and replica are the same database."""
        return True

    def allow_migrate(self, db: str, _app_label: str, **_hints: Any) -> bool:
        return db == DEFAULT_DB_ALIAS
