"""Strict JSON: UTF-8, each member once, no NaN, no NUL (RFC 8259; PostgreSQL stores no NUL)."""

import json
from typing import Any, NoReturn

from django.http import HttpRequest
from ninja.parser import Parser


class StrictParser(Parser):
    """ninja answers 400 for whatever is raised here."""

    def parse_body(self, request: HttpRequest) -> Any:
        text = request.body.decode("utf-8", errors="strict")
        return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("A member stands there twice.")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON.")
