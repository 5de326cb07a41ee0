"""A WSGI application that says which headers arrived, as gunicorn hands them on."""

import json
from collections.abc import Callable, Iterable
from typing import Any


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json")])
    headers = {name: value for name, value in environ.items() if name.startswith(("HTTP_", "REMOTE_ADDR"))}
    return [json.dumps(headers).encode()]
