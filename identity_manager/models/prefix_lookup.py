"""Lookup `begins`: prefix search by an index, whatever the collation of the database.

A range (from "7K2" to before "7K3") works only where text is sorted by code points: in en_US.UTF-8, the most
common collation, punctuation comes before letters or is ignored.
"""

from typing import Any

from django.db.models import CharField, Lookup


@CharField.register_lookup
class StartsWithIndexed(Lookup):
    """`reference__begins="7K2"`. On PostgreSQL the column needs an index with varchar_pattern_ops.

    On SQLite, which compares code points, a range: LIKE ignores case there and uses no index.
    """

    lookup_name = "begins"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, given = self.process_lhs(compiler, connection)
        beyond = f"{self.rhs}{chr(0x10FFFF)}"
        return f"({column} >= %s AND {column} < %s)", (*given, self.rhs, *given, beyond)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, given = self.process_lhs(compiler, connection)
        return f"{column} LIKE %s", (*given, f"{connection.ops.prep_for_like_query(self.rhs)}%")
