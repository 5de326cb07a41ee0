"""A checker of configuration profiles by Apple's published schema (apple_schema.toml)."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMA: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("apple_schema.toml").read_text(encoding="utf-8")
)
TYPES = {"string": str, "integer": int, "boolean": bool, "data": bytes, "array": list, "uuid": str}
UUID = re.compile(r"[0-9A-Za-z]{8}-([0-9A-Za-z]{4}-){3}[0-9A-Za-z]{12}")


def findings(profile: dict[str, Any]) -> list[str]:
    """What the schema does not allow, a sentence each; none in a good profile."""
    payloads = profile.get("PayloadContent", [])
    found = [*_of("TopLevel", profile, SCHEMA["TopLevel"])]
    for payload in payloads:
        kind = payload.get("PayloadType", "")
        found += _of(kind, payload, SCHEMA["CommonPayloadKeys"] | SCHEMA.get(kind, {}))
    named = Counter(each.get("PayloadIdentifier") for each in payloads)
    return found + [f"{name} is not unique" for name, number in named.items() if number > 1]


def _of(kind: str, content: dict[str, Any], keys: dict[str, Any]) -> Iterator[str]:
    for name, said in keys.items():
        rule = said if isinstance(said, dict) else {"type": said}
        if name not in content:
            if rule["type"].endswith("!"):
                yield f"{kind}: {name} is missing"
            continue
        yield from _value(f"{kind}: {name}", content[name], rule)
    yield from (f"{kind}: {name} is unknown" for name in content if name not in keys)


def _value(where: str, value: object, rule: dict[str, Any]) -> Iterator[str]:
    wanted = rule["type"].rstrip("!")
    if type(value) is not TYPES[wanted]:
        yield f"{where} is no {wanted}"
    elif wanted == "uuid" and not UUID.fullmatch(str(value)):
        yield f"{where} is no UUID"
    elif value not in rule.get("values", [value]):
        yield f"{where} must not be {value}"
