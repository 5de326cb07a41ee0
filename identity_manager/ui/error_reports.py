"""What Django may say of a fault: where it was, and not what was in memory there."""

from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter


class NothingFromMemory(SafeExceptionReporterFilter):
    """No variables, no form fields: among them may be a passphrase, a sign-in code or a password.

    Django's own filter hides by name, and a page's context is in many frames under many names
    (the setting DEFAULT_EXCEPTION_REPORTER_FILTER).
    """

    def get_traceback_frame_variables(
        self,
        request: HttpRequest | None,  # noqa: ARG002  Django's signature
        tb_frame: FrameType,  # noqa: ARG002  Django's signature
    ) -> ItemsView[str, Any]:
        return dict[str, Any]().items()

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:  # noqa: ARG002  Django's signature
        return {}
