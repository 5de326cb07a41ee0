"""Bodies of multipart/form-data (RFC 7578)."""

import secrets
from collections.abc import Mapping


def encoded(
    fields: Mapping[str, str], files: Mapping[str, tuple[str, str, str]] | None = None
) -> tuple[bytes, str]:
    """The body and its content type. files: name of the field, then file name, content type, content."""
    boundary = secrets.token_hex(16)
    parts = [f'form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts += [
        f'form-data; name="{name}"; filename="{file}"\r\nContent-Type: {kind}\r\n\r\n{content}'
        for name, (file, kind, content) in (files or {}).items()
    ]
    body = "".join(f"--{boundary}\r\nContent-Disposition: {part}\r\n" for part in parts)
    return f"{body}--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
