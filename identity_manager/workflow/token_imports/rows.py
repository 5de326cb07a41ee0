"""Digest over the rows of an import, which two officers confirm."""

import hashlib
import json

from identity_manager.models import TokenImport

SIGNED_COLUMNS = (
    *("position", "file_sha256", "fingerprint_sha256", "public_key_sha256", "person_id", "matched_by"),
    *("token_type_id", "profile_id", "has_key", "archives"),
)


def digest(row: TokenImport) -> str:
    """SHA-256 over the matching and whether persons get a mail.

    Without outcomes, which change during the execution.
    """
    tells = ["tells persons"] if row.tells_persons else []
    said = hashlib.sha256(json.dumps([str(row.pk), row.types, *tells]).encode("ascii"))
    for values in row.rows.order_by("position").values_list(*SIGNED_COLUMNS).iterator(chunk_size=1000):
        said.update(json.dumps([str(each) for each in values]).encode("ascii"))
    return said.hexdigest()
