"""A binary column that is read as bytes on every database."""

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:  # Django's fields are generic in their stubs only
    _BinaryField = models.BinaryField[bytes, bytes]
else:
    _BinaryField = models.BinaryField


class BytesField(_BinaryField):
    """DER, hashes. Some database adapters return a memoryview, which neither parses nor compares well."""

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> bytes | None:
        """Return the column's content as bytes."""
        return None if value is None else bytes(value)
