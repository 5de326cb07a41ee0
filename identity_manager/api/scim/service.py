"""SCIM protocol by scim2-server, with the deviations of Microsoft Entra and Okta from RFC 7644.

docs/how-to/scim.md names their published shapes.
"""

import functools
import json
import re
from typing import Any

from scim2_models import AuthenticationScheme as Scheme
from scim2_models import (
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    InvalidValueException,
    Patch,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.conditions import Conditions
from scim2_server.service import ScimService
from scim2_server.utils import load_default_provider

MOST_BYTES = 1024 * 1024
MOST_RESULTS = 200
MOST_OPERATIONS = 1_000
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER = re.compile(rf"(?:{re.escape(ENTERPRISE)}:)?manager", re.IGNORECASE)
# PATCHes of Entra: members removed by value, a value of a type that is absent, attributes of other servers.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


def configuration() -> ServiceProviderConfig:
    """ServiceProviderConfig: without sorting and passwords."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=True, max_operations=MOST_OPERATIONS, max_payload_size=MOST_BYTES),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=True),
        authentication_schemes=[
            Scheme(type=Scheme.Type.oauthbearertoken, name="Bearer token", description="RFC 6750")
        ],
    )


@functools.cache
def provider() -> ScimProvider:
    """Users with the enterprise extension, and groups."""
    standard = load_default_provider()
    return ScimProvider.from_discovery(
        standard.schemas, standard.resource_types, config=configuration(), policy=POLICY
    )


class Service(ScimService):
    """scim2-server's service, tolerant of real clients."""

    def check_body(self, body: bytes) -> None:
        """Refuse more than MOST_BYTES, and what a database refuses. Raises SCIMException."""
        if len(body) > MOST_BYTES:
            raise self.payload_too_large(MOST_BYTES)
        if b"\\u0000" in body:
            raise InvalidValueException(detail="A text has no NUL.")

    def read_patch(self, resource_type: ResourceType, body: bytes, content_type: str | None) -> Any:
        """Parse the operations, those of Entra normalised to RFC 7644 3.5.2."""
        given = self.decode_body(body, content_type)
        if isinstance(given, dict) and isinstance(given.get("Operations"), list):
            given["Operations"] = [rewritten(each) for each in given["Operations"]]
            body = json.dumps(given).encode()
        return super().read_patch(resource_type, body, content_type)

    def apply_replacement(
        self, current: Resource[Any], replacement: Resource[Any], conditions: Conditions
    ) -> Resource[Any] | None:
        """Replace a resource; without `active` in the PUT that stays: Okta puts what it has read."""
        if getattr(replacement, "active", True) is None:
            replacement.active = current.active  # type: ignore[attr-defined]  # a user has it
        return super().apply_replacement(current, replacement, conditions)


def rewritten(operation: Any) -> Any:
    """The operation with a manager as an object; every other stays as it is."""
    if not isinstance(operation, dict):
        return operation
    path, value = str(operation.get("path", "")), operation.get("value")
    if MANAGER.fullmatch(path) and isinstance(value, str):
        return operation | {"path": f"{ENTERPRISE}:manager", "value": {"value": value}}
    return operation
