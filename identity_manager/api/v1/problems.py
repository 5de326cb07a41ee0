"""Errors as RFC 9457 problem details: one sentence and one code, the same that the portals show."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled, ValidationError

from identity_manager.api.v1.schemas import FieldProblem, Problem
from identity_manager.transactions.refusals import Refused

MEDIA_TYPE = "application/problem+json"
CHALLENGE = 'Bearer realm="Identity Manager"'
logger = logging.getLogger("django.request")


class NotAccepted(Exception):  # noqa: N818 an answer, not a fault
    """The request is refused before its view. headers: such as WWW-Authenticate."""

    def __init__(
        self, status: HTTPStatus, code: str, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.sentence, self.headers = status, code, sentence, headers or {}


def problem(
    status: int,
    code: str,
    sentence: str,
    *,
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The answer. code: of the refusal, or the name of the status."""
    body = Problem(
        type=f"urn:identity-manager:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=sentence,
        code=code,
        errors=list(errors),
    )
    response = HttpResponse(body.model_dump_json(), status=status, content_type=MEDIA_TYPE)
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def of_refusal(refused: Refused) -> HttpResponse:
    """The refusal of a verb: its status, sentence and code."""
    field = [FieldProblem(field=refused.field, detail=str(refused))] if refused.field else []
    return problem(refused.status, refused.reason.code, str(refused), errors=field)


def not_found() -> HttpResponse:
    return problem(HTTPStatus.NOT_FOUND, "not-found", _("There is nothing at this address."))


def not_allowed(allow: str) -> HttpResponse:
    sentence = _("This address does not take this method.")
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", sentence, headers={"Allow": allow})


def precondition_failed() -> NotAccepted:
    sentence = _("It was changed since you read it. Read it again.")
    return NotAccepted(HTTPStatus.PRECONDITION_FAILED, "precondition-failed", sentence)


def too_many(wait: int) -> NotAccepted:
    sentence = _("Too many calls. Try again later.")
    headers = {"Retry-After": str(wait)}
    return NotAccepted(HTTPStatus.TOO_MANY_REQUESTS, "too-many-calls", sentence, headers)


def not_valid(errors: Sequence[FieldProblem]) -> HttpResponse:
    sentence = _("A value in this request is not valid.")
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not-valid", sentence, errors=errors)


def install(api: NinjaAPI) -> None:
    """Answer every exception of the API with a problem."""
    handlers: dict[type[Exception], Any] = {
        Refused: lambda _request, error: of_refusal(error),
        NotAccepted: lambda _request, error: problem(
            error.status, error.code, error.sentence, headers=error.headers
        ),
        Http404: lambda _request, _error: not_found(),
        PermissionDenied: lambda _request, error: problem(HTTPStatus.FORBIDDEN, "not-allowed", str(error)),
        ValidationError: _of_validation,
        AuthenticationError: _of_authentication,
        Throttled: lambda _request, error: _of_accepted(too_many(int(error.wait or 1))),
        HttpError: _of_http,
        RequestDataTooBig: lambda _request, _error: _too_large(),
        SuspiciousOperation: lambda _request, _error: _bad_request(),
        Exception: _of_fault,
    }
    for kind, handler in handlers.items():
        api.add_exception_handler(kind, handler)


def _of_accepted(error: NotAccepted) -> HttpResponse:
    return problem(error.status, error.code, error.sentence, headers=error.headers)


def _of_validation(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    return not_valid(
        [
            FieldProblem(field=".".join(str(part) for part in each["loc"][1:]), detail=str(each["msg"]))
            for each in error.errors
        ]
    )


def _of_authentication(_request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    sentence = _("No client of the API shows this token or certificate, or it opens nothing now.")
    challenge = {"WWW-Authenticate": CHALLENGE}
    return problem(HTTPStatus.UNAUTHORIZED, "not-authenticated", sentence, headers=challenge)


def _of_http(_request: HttpRequest, error: HttpError) -> HttpResponse:
    """ninja's HttpError, raised only for a malformed body; its cause has the reason."""
    return _too_large() if isinstance(error.__cause__, RequestDataTooBig) else _bad_request()


def _too_large() -> HttpResponse:
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", _("The request is too large."))


def _bad_request() -> HttpResponse:
    sentence = _("This request cannot be read. Its body is JSON in UTF-8, with each member once.")
    return problem(HTTPStatus.BAD_REQUEST, "not-readable", sentence)


def _of_fault(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("The API failed at %s.", request.path, exc_info=error, extra={"status_code": 500})
    sentence = _("Something went wrong here. It was written down for who runs this installation.")
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "fault", sentence)
