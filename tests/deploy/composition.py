"""Reads deploy/compose/compose.yaml as `docker compose` would, as far as the file goes."""

import re
from typing import Any

import yaml

from tests.architecture.source import ROOT

FOLDER = ROOT / "deploy" / "compose"
FILE = FOLDER / "compose.yaml"
MAKE_SECRETS = ROOT / "deploy" / "make-secrets.sh"
SAMPLE = FOLDER / "sample.env"
VARIABLE = re.compile(r"\$(?:\{(\w+)(?:(:-|:\?)([^}]*))?\}|(\$))")


class MissingError(Exception):
    """A variable that .env must have."""


def load(variables: dict[str, str]) -> dict[str, Any]:
    """The composition with these variables in .env."""
    content: dict[str, Any] = _interpolated(yaml.safe_load(FILE.read_text(encoding="utf-8")), variables)
    return content


def sample() -> dict[str, str]:
    """The variables of sample.env, those with a # before them left out."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))


def offered() -> set[str]:
    """Every variable that sample.env names, with a # before it or without."""
    return set(re.findall(r"^#?([A-Z_]+)=", SAMPLE.read_text(encoding="utf-8"), re.MULTILINE))


def used() -> set[str]:
    """Every variable that the composition asks for."""
    return {match[1] for match in VARIABLE.finditer(FILE.read_text(encoding="utf-8")) if match[1]}


def of_product(services: dict[str, Any]) -> dict[str, Any]:
    """The services that run the product's image."""
    return {name: service for name, service in services.items() if "build" in service}


def _interpolated(value: Any, variables: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _interpolated(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each, variables) for each in value]
    return VARIABLE.sub(lambda match: _value(match, variables), value) if isinstance(value, str) else value


def _value(match: re.Match[str], variables: dict[str, str]) -> str:
    name, how, word, dollar = match.groups()
    if dollar:
        return "$"
    if variables.get(name):
        return variables[name]
    if how == ":?":
        raise MissingError(f"{name}: {word}")
    return word or ""
