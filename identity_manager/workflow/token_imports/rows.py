"""The digest over the rows of an import: what two officers confirm."""

import hashlib
import json

from identity_manager.models import TokenImport

SIGNED_COLUMNS = (
    *("position", "file_sha256", "fingerprint_sha256", "public_key_sha256", "person_id", "matched_by"),
    *("token_type_id", "profile_id", "has_key", "archives"),
)


def digest(row: TokenImport) -> str:
    """The SHA-256 over the matching, and whether persons are told.

    Outcomes are not in it: they change while it is carried out.
    """
    tells = ["tells persons"] if row.tells_persons else []
    said = hashlib.sha256(json.dumps([str(row.pk), row.types, *tells]).encode("ascii"))
    for values in row.rows.order_by("position").values_list(*SIGNED_COLUMNS).iterator(chunk_size=1000):
        said.update(json.dumps([str(each) for each in values]).encode("ascii"))
    return said.hexdigest()
