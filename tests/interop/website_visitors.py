"""curl and Chromium, each with a file of a delivered token, as their people use them."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

from tests.interop.tls_server import Website
from tests.interop.tokens import TokenFile
from tests.tools.commands import ended, nss_database, run

ASKED_LONG_AGO = "13390000000000000"  # microseconds since 1601


@dataclass(frozen=True)
class Visit:
    """What a visitor got: the page, or the visitor's own words why not."""

    page: str
    refusal: str


@dataclass(frozen=True)
class Visitor:
    """A person with a file and its passphrase; the directory holds what their programs keep."""

    directory: Path
    file: TokenFile
    passphrase: str

    def by_curl(self, website: Website) -> Visit:
        """The passphrase goes in the configuration, by standard input: never an argument."""
        path = self._saved()
        lines = {
            "url": website.url,
            "cacert": self.directory / "trusted.pem",
            "cert-type": "P12",
            "cert": path,
            "pass": self.passphrase,
        }
        configuration = "".join(f'{name} = "{value}"\n' for name, value in lines.items())
        command = ("curl", "-q", "--silent", "--show-error", "--noproxy", "*", "-K", "-")
        done = ended(*command, stdin=configuration.encode())  # a refusal is an answer too
        return Visit(done.stdout.decode(), done.stderr.decode())

    @contextmanager
    def at_chromium(self, chromium: str, website: Website) -> Iterator[BrowserContext]:
        """The file imported into the database that Chromium reads, in a home of the test's own.

        The profile remembers that the certificate is chosen for this website, as the policy
        AutoSelectCertificateForUrls would have it: no dialog is drawn without a screen.
        """
        home, profile = self.directory / "home", self.directory / "profile"
        self._import(home / ".pki" / "nssdb")
        self._choose(profile / "Default", website)
        environment = {**os.environ, "HOME": str(home), "DJANGO_ALLOW_ASYNC_UNSAFE": "true"}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch_persistent_context(
                profile, executable_path=chromium, args=["--no-sandbox"], env=environment
            )
            yield browser
            browser.close()

    def _saved(self) -> Path:
        """The attachment, saved."""
        path = self.directory / self.file.name
        path.write_bytes(self.file.content)
        return path

    def _import(self, database: Path) -> None:
        database.mkdir(parents=True)
        note = self.directory / "passphrase"
        note.touch(mode=0o600)
        note.write_text(self.passphrase)
        trusted = (self.directory / "trusted.pem").read_bytes()
        place = nss_database(database, trusted, trust="C,,")
        run("pk12util", *place, "-i", self._saved(), "-w", note, "-K", "")

    @staticmethod
    def _choose(profile: Path, website: Website) -> None:
        profile.mkdir(parents=True)
        choice = {"last_modified": ASKED_LONG_AGO, "setting": {"filters": [{}]}}
        exceptions = {"auto_select_certificate": {f"{website.url.rstrip('/')},*": choice}}
        preferences = {"profile": {"content_settings": {"exceptions": exceptions}}}
        (profile / "Preferences").write_text(json.dumps(preferences))
