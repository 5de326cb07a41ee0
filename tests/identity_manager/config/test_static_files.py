"""While two releases serve side by side, a page of one gets styles from a process of the other."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import ManifestFilesMixin, staticfiles_storage
from django.core.management import call_command
from django.test import Client, override_settings
from pytest_django import Settings

from identity_manager.config import settings as product

STYLE = "ui/base.css"


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this release, each under the name of its contents."""
    place = tmp_path_factory.mktemp("static")
    with override_settings(STATIC_ROOT=place, STORAGES=product.STORAGES):
        call_command("collectstatic", verbosity=0, interactive=False)
    return place


@pytest.fixture
def release(settings: Settings, collected: Path) -> Client:
    """A process that serves its own files, as in production."""
    settings.STATIC_ROOT = collected
    settings.WHITENOISE_AUTOREFRESH = False
    settings.WHITENOISE_USE_FINDERS = False
    settings.STORAGES = product.STORAGES
    return Client()


def of_another(address: str) -> str:
    """The address of the same file in a release where its contents are others."""
    return re.sub(r"\.[0-9a-f]{12}\.", ".0123456789ab.", address)


def test_a_style_of_its_own_is_kept_for_ever(release: Client) -> None:
    response = release.get(staticfiles_storage.url(STYLE))

    assert response.status_code == 200
    assert "immutable" in response["Cache-Control"]


def test_an_address_is_made_once_until_files_are_collected_anew(
    release: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = staticfiles_storage.url(STYLE)
    monkeypatch.setattr(ManifestFilesMixin, "stored_name", lambda *_: "ui/other.css")

    assert staticfiles_storage.url(STYLE) == address
    call_command("collectstatic", verbosity=0, interactive=False)
    assert staticfiles_storage.url(STYLE) == "/static/ui/other.css"


def test_for_a_style_of_another_release_it_gives_its_own_and_nobody_keeps_it(release: Client) -> None:
    own = staticfiles_storage.url(STYLE)
    assert of_another(own) != own

    response = release.get(of_another(own))

    assert response.status_code == 200
    assert (response["Content-Type"], response["Cache-Control"]) == ("text/css", "no-store")
    assert b"".join(response) == b"".join(release.get(own))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        "ui/never.0123456789ab.css",
        "ui/base.css.0123456789ab",
        "../secrets/master.0123456789ab.key",
        "%2e%2e/secrets/master.0123456789ab.key",
        "staticfiles.0123456789ab.json",
    ],
)
def test_what_no_release_has_is_not_found(release: Client, path: str) -> None:
    assert release.get(f"/static/{path}").status_code == 404


@pytest.mark.django_db
def test_nothing_is_posted_to_a_style(release: Client) -> None:
    assert release.post(of_another(staticfiles_storage.url(STYLE))).status_code == 404
