"""Styles and scripts while two releases serve side by side: a page of one may ask the other for its files.

Each release names its files after what is in them, and WhiteNoise serves those of its own. Asked for a file
of the same name with other contents, a process answers with the one that it has: a page that looks a little
older or newer for a moment, not one without styles.
"""

import re
from collections.abc import Callable

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

_NAMED_AFTER_CONTENTS = re.compile(r"(?P<stem>.+)\.[0-9a-f]{12}(?P<suffix>\.[^./]+)")


class OtherReleasesMiddleware:
    """Directly behind WhiteNoise. No cache keeps what it answers: it is not what the name says."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name = _ours_for(request.path_info)
        if name is None or request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        return FileResponse(staticfiles_storage.open(name))


def _ours_for(path: str) -> str | None:
    """The file of this release that has the same name but for its contents; None where there is none."""
    if not path.startswith(settings.STATIC_URL) or not isinstance(staticfiles_storage, ManifestFilesMixin):
        return None
    asked = _NAMED_AFTER_CONTENTS.fullmatch(path.removeprefix(settings.STATIC_URL))
    if asked is None:
        return None
    # Only names of the manifest, so no path leads out of the directory.
    return staticfiles_storage.hashed_files.get(asked["stem"] + asked["suffix"])
