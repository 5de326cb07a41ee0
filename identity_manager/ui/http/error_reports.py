"""Exception reports without values: no local variables, no form fields."""

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class NothingFromMemory(SafeExceptionReporterFilter):
    """Hides all variables and POST fields: they may hold a passphrase, sign-in code or password.

    Django's own filter hides by name, but a page's context appears in many frames under many names
    (DEFAULT_EXCEPTION_REPORTER_FILTER).
    """

    def get_traceback_frame_variables(
        self,
        request: HttpRequest | None,  # noqa: ARG002  Django's signature
        tb_frame: FrameType,  # noqa: ARG002  Django's signature
    ) -> ItemsView[str, Any]:
        return dict[str, Any]().items()

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:  # noqa: ARG002  Django's signature
        return {}
