"""SIEM sinks, as configured in SIEM_SINKS. Needs no models: settings are read before them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from identity_manager.configured_names import is_name

FORMATS = ("rfc5424", "json")
PORT = 6514  # syslog over TLS (RFC 5425 4.1)
# RFC 5612: the number for documentation; a company that has one of its own sets it.
EXAMPLE_ENTERPRISE = 32473
FILES = ("ca_file", "certificate_file", "key_file")
KEYS = frozenset({"address", "format", "personal_facts", "enterprise_number", *FILES})


@dataclass(frozen=True)
class SinkConfiguration:
    """One entry of SIEM_SINKS: a receiver by TLS.

    format: rfc5424 (octet counting, RFC 5425), or json (one object a line). ca_file: who signs the receiver's
    certificate; empty: the machine's authorities. certificate_file and key_file: ours. personal_facts:
    whether names of persons and facts that are erased with them are sent.
    """

    name: str
    host: str
    port: int
    format: str = "rfc5424"
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    personal_facts: bool = False
    enterprise_number: int = EXAMPLE_ENTERPRISE

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(name: str, given: Any) -> SinkConfiguration:
    """Parse one entry of SIEM_SINKS. Raises ImproperlyConfigured with what is wrong."""
    if not isinstance(given, dict) or not is_name(name):
        raise _wrong(name, "must be a JSON object under a name of lower case letters, digits, hyphens")
    if unknown := sorted(set(given) - KEYS):
        raise _wrong(name, f"has {', '.join(unknown)}, which nobody reads")
    host, port = _address(name, given.get("address"))
    if given.get("format", "rfc5424") not in FORMATS:
        raise _wrong(name, f"has a format that is none of {', '.join(FORMATS)}")
    if not isinstance(given.get("personal_facts", False), bool):
        raise _wrong(name, "has personal_facts that is neither true nor false")
    number = given.get("enterprise_number", EXAMPLE_ENTERPRISE)
    if type(number) is not int or not 0 < number < 2**32:
        raise _wrong(name, "has an enterprise_number that is no whole number from 1")
    return SinkConfiguration(
        name=name,
        host=host,
        port=port,
        format=given.get("format", "rfc5424"),
        personal_facts=given.get("personal_facts", False),
        enterprise_number=number,
        **_files(name, given),
    )


def _address(name: str, given: Any) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{given}") if isinstance(given, str) else urlsplit("")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise _wrong(name, "needs an address, host:port")
    return host, PORT if port is None else port


def _files(name: str, given: Mapping[str, Any]) -> dict[str, str]:
    found = {key: given.get(key, "") for key in FILES}
    if not all(isinstance(path, str) for path in found.values()):
        raise _wrong(name, f"has {', '.join(FILES)} that are no paths")
    if bool(found["certificate_file"]) != bool(found["key_file"]):
        raise _wrong(name, "needs certificate_file and key_file together")
    return found


def _wrong(name: str, what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"SIEM_SINKS: {name!r} {what}.")
