"""URL patterns of the portals: of this process (urls.py), and for links in mails and to the other portal.

SignInRequiredMiddleware requires a sign-in for each URL unless its view is exempt.
"""

from collections.abc import Sequence

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from identity_manager.account.client_certificates import certificate_views
from identity_manager.config.observability import health, metrics_page
from identity_manager.ui import looks


def addresses_of(portals: Sequence[str]) -> list[URLPattern | URLResolver]:
    """URL patterns of a process that serves these portals."""
    return [*pages_of(portals), *(_apis() if "console" in portals else _selfservice_alone())]


def pages_of(portals: Sequence[str]) -> list[URLPattern | URLResolver]:
    """URL patterns of what people open there, to which mails link."""
    return [
        # First the prefix that Django looks at once; below the empty one it tries each address of officers.
        *([path("my/", include("selfservice.urls"))] if "selfservice" in portals else []),
        *([path("", include("identity_manager.console.urls"))] if "console" in portals else []),
        path("account/", include("identity_manager.account.urls")),
        path("sso/certificate/", certificate_views.certificate, name="certificate"),
        path("looks/", include(looks.addresses)),
        path("pki/", include("ca_bridge.publication.urls")),
        path("health/live", health.live, name="health-live"),
        path("health/ready", health.ready, name="health-ready"),
        path("metrics", metrics_page.metrics, name="metrics"),
        # The sign-in page has a language switch too.
        path("i18n/setlang/", login_not_required(set_language), name="set_language"),
        path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}ui/favicon.svg"), name="favicon"),
        *([path("ui/", include("identity_manager.ui.urls"))] if settings.EMBEDDED else []),
    ]


def _apis() -> list[URLPattern | URLResolver]:
    """APIs and webhooks of Identity Manager, and the mailbox of the embedded mode."""
    # Not at the top: who only links to pages needs neither API, and they take a second and 20 MB to import.
    from identity_manager.api.v1 import views as api
    from identity_manager.api.webhooks import mail as mail_webhook

    mailbox = [path("mailbox/", include("identity_manager.console.outbox.mailbox_urls"))]
    return [
        path("webhooks/mail/", include(mail_webhook.addresses())),
        path("scim/", include((_scim(), "scim"))),
        path("api/v1/", include(([re_path(r"^(?P<path>(?s:.*))\Z", api.answer, name="call")], "api"))),
        *(mailbox if settings.EMBEDDED else []),
    ]


def _scim() -> list[URLPattern]:
    """The URL of SCIM clients, if a source of kind SCIM is configured; else none."""
    if all(source.kind != "scim" for source in settings.DIRECTORY_SOURCES.values()):
        return []
    # Its library takes another second and 20 MB.
    from identity_manager.api.scim import views as scim

    return [re_path(r"^(?P<source>[a-z0-9-]+)/v2(?P<path>(?:/.*)?)$", scim.answer, name="resource")]


def _selfservice_alone() -> list[URLPattern | URLResolver]:
    """Self-Service without the other portal: `/` redirects to it."""
    return [path("", RedirectView.as_view(pattern_name="selfservice:dashboard"), name="start")]
