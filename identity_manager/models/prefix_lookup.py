"""Texts that begin with something, found by the index of their column however the database sorts text.

As a range (from "7K2" to before "7K3") they would be found only where text is sorted by its code points: in a
database of en_US.UTF-8, which most are, punctuation comes before letters and some of it does not count.
"""

from typing import Any

from django.db.models import CharField, Lookup


@CharField.register_lookup
class StartsWithIndexed(Lookup):
    """`reference__begins="7K2"`. On PostgreSQL the column wants an index with varchar_pattern_ops.

    SQLite compares code points, and has no index for LIKE, which ignores case there.
    """

    lookup_name = "begins"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, given = self.process_lhs(compiler, connection)
        beyond = f"{self.rhs}{chr(0x10FFFF)}"
        return f"({column} >= %s AND {column} < %s)", (*given, self.rhs, *given, beyond)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        column, given = self.process_lhs(compiler, connection)
        return f"{column} LIKE %s", (*given, f"{connection.ops.prep_for_like_query(self.rhs)}%")
