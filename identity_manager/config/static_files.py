"""Static files: their addresses, and those of the other release during a rolling upgrade.

A page of one release may request files from a process of the other.
File names contain a hash of the content, and WhiteNoise serves those of its own release. For a file of the
same name with another hash, a process answers with its own version: a page may look older or newer for a
moment, but is never without styles.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from whitenoise.storage import CompressedManifestStaticFilesStorage

_NAMED_AFTER_CONTENTS = re.compile(r"(?P<stem>.+)\.[0-9a-f]{12}(?P<suffix>\.[^./]+)")


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # has no types
    """WhiteNoise's, which makes each address once: a page has a dozen, which took a twentieth of its time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._addresses: dict[tuple[str, bool], str] = {}

    def url(self, name: str, force: bool = False) -> str:  # noqa: FBT001, FBT002 as Django has it
        address = self._addresses.get((name, force))
        if address is None:
            address = self._addresses[name, force] = super().url(name, force)
        return address

    def post_process(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Collect the files anew: contents, and so addresses, may have changed."""
        yield from super().post_process(*args, **kwargs)
        self._addresses.clear()


class OtherReleasesMiddleware:
    """Directly behind WhiteNoise. Its answers are not cacheable, because content and hash differ."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        name = _ours_for(request.path_info)
        if name is None or request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        return FileResponse(staticfiles_storage.open(name))


def _ours_for(path: str) -> str | None:
    """The file of this release with the same name apart from the hash; None if there is none."""
    if not path.startswith(settings.STATIC_URL) or not isinstance(staticfiles_storage, ManifestFilesMixin):
        return None
    asked = _NAMED_AFTER_CONTENTS.fullmatch(path.removeprefix(settings.STATIC_URL))
    if asked is None:
        return None
    # Only names of the manifest, so no path leads out of the directory.
    return staticfiles_storage.hashed_files.get(asked["stem"] + asked["suffix"])
