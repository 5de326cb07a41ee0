"""The OpenAPI 3.1 document: scopes and problems, which ninja leaves out, are added to each operation."""

from http import HTTPStatus
from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import REF_TEMPLATE, OpenAPISchema
from ninja.operation import Operation

from identity_manager.api.v1.clients import Door
from identity_manager.api.v1.problems import MEDIA_TYPE
from identity_manager.api.v1.schemas import Problem

S = HTTPStatus
ROOT = "api/v1/"
ALWAYS = (S.BAD_REQUEST, S.UNAUTHORIZED, S.FORBIDDEN, S.TOO_MANY_REQUESTS, S.INTERNAL_SERVER_ERROR)
OF_WRITING = (S.CONFLICT, S.REQUEST_ENTITY_TOO_LARGE)
HEADERS = {
    S.UNAUTHORIZED: ("WWW-Authenticate", {"type": "string"}),
    S.TOO_MANY_REQUESTS: ("Retry-After", {"type": "integer", "minimum": 1}),
}


# Links of OpenAPI from an operation's response: next operation, its parameter, where the value is.
_ID = "$response.body#/id"
_ORDER = [
    *(("getBatchOrder", "order_id", _ID), ("listBatchLines", "order_id", _ID)),
    *(("startBatchOrder", "order_id", _ID), ("pauseBatchOrder", "order_id", _ID)),
    *(("resumeBatchOrder", "order_id", _ID), ("cancelBatchOrder", "order_id", _ID)),
]
_TOKEN = [("getToken", "token_id", _ID), ("holdToken", "token_id", _ID), ("reinstateToken", "token_id", _ID)]
_REQUEST = [("getRequest", "request_id", _ID), ("cancelRequest", "request_id", _ID)]
_PERSON = "$response.body#/person"
LINKS: dict[str, list[tuple[str, str, str]]] = {
    "createRequest": [*_REQUEST, ("getPerson", "person_id", _PERSON)],
    "createRenewal": _REQUEST,
    "createReplacement": [("getRequest", "request_id", "$response.body#/request")],
    "getRequest": [
        ("cancelRequest", "request_id", _ID),
        ("getToken", "token_id", "$response.body#/tokens/0/id"),
    ],
    "createBatchOrder": _ORDER,
    "startBatchOrder": _ORDER[1:],
    "pauseBatchOrder": [("resumeBatchOrder", "order_id", _ID)],
    "getToken": [*_TOKEN[1:], ("getPerson", "person_id", _PERSON)],
    "holdToken": _TOKEN,
    "reinstateToken": _TOKEN,
    "createRevocation": _TOKEN,
    "listPersons": [("listGroupsOfPerson", "person_id", "$response.body#/items/0/id")],
    "listTokens": [("getToken", "token_id", "$response.body#/items/0/id")],
    "listCertificates": [("getCertificate", "certificate_id", "$response.body#/items/0/id")],
}


class Api(NinjaAPI):
    """The document is built once per process."""

    document: "Document | None" = None

    def get_openapi_schema(self, **_where: Any) -> "Document":
        if self.document is None:
            self.document = Document(self, ROOT)
        return self.document


class Document(OpenAPISchema):
    def responses(self, operation: Operation) -> dict[Any, Any]:
        found = {str(status): details for status, details in super().responses(operation).items()}
        if _has_tag(operation):
            for status, details in found.items():
                if status.startswith("2"):
                    details["headers"] = {"ETag": {"required": True, "schema": {"type": "string"}}}
        for status, details in found.items():
            if status.startswith("2") and (links := _links(operation)):
                details["links"] = links
        for error in _errors_of(operation):
            found[str(int(error))] = self._problem(error)
        return found

    def _problem(self, status: HTTPStatus) -> dict[str, Any]:
        details: dict[str, Any] = {
            "description": status.phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status in HEADERS:
            name, schema = HEADERS[status]
            details["headers"] = {name: {"required": True, "schema": schema}}
        return details

    def operation_security(self, operation: Operation) -> list[dict[str, Any]] | None:
        doors: list[Any] = [each for each in operation.auth_callbacks if isinstance(each, Door)]
        for door in doors:
            self.securitySchemes[type(door).__name__] = door.openapi_security_schema
        return [{type(door).__name__: [scope.value for scope in door.scopes]} for door in doors]

    def get_components(self) -> dict[str, Any]:
        schema = Problem.model_json_schema(ref_template=REF_TEMPLATE, mode="serialization")
        self.add_schema_definitions(schema.pop("$defs", {}))
        self.schemas["Problem"] = schema
        found: dict[str, Any] = super().get_components()
        return found


def _errors_of(operation: Operation) -> list[HTTPStatus]:
    sources = {model.__ninja_param_source__ for model in operation.models}
    writes = "POST" in operation.methods
    return [
        *ALWAYS,
        *([S.NOT_FOUND] if "path" in sources or writes else []),
        *(OF_WRITING if writes else []),
        *([S.UNSUPPORTED_MEDIA_TYPE] if "body" in sources else []),
        *([S.PRECONDITION_FAILED] if _names(operation, "header") & {"If-Match", "if_match"} else []),
        S.UNPROCESSABLE_ENTITY,
    ]


def _links(operation: Operation) -> dict[str, Any]:
    return {
        target: {"operationId": target, "parameters": {name: value}}
        for target, name, value in LINKS.get(operation.operation_id or "", ())
    }


def _names(operation: Operation, source: str) -> set[str]:
    return {
        name
        for model in operation.models
        if model.__ninja_param_source__ == source
        for name in model.__ninja_flatten_map__
    }


def _has_tag(operation: Operation) -> bool:
    """Whether the answer is one row that changes: its version is in the ETag."""
    return bool(operation.openapi_extra and operation.openapi_extra.get("x-has-etag"))
