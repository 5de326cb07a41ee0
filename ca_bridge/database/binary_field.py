"""A binary column that is read as bytes on every database."""

from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

_Set = TypeVar("_Set", contravariant=True)
_Get = TypeVar("_Get", covariant=True)

if TYPE_CHECKING:

    class _BinaryField(models.BinaryField[_Set, _Get]):
        """Type parameters for BinaryField, which is generic in the stubs only."""

        _pyi_private_set_type: bytes
        _pyi_private_get_type: bytes

else:

    class _BinaryField(models.BinaryField):
        def __class_getitem__(cls, _types: Any) -> Any:
            return cls


class BytesField(_BinaryField[_Set, _Get]):
    """A BinaryField that reads as bytes: DER, hashes, wrapped secrets.

    Some database adapters return a memoryview, which parsers of DER do not accept.
    """

    def from_db_value(self, value: Any, _expression: Any, _connection: Any) -> bytes | None:
        """Return the column's content as bytes."""
        return None if value is None else bytes(value)
