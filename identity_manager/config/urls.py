"""Every address. LoginRequiredMiddleware makes each of them need a sign-in unless its view says otherwise."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from identity_manager.config import health

urlpatterns = [
    path("", include("identity_manager.console.urls")),
    path("my/", include("selfservice.urls")),
    path("account/", include("identity_manager.ui.account_urls")),
    path("pki/", include("ca_bridge.urls")),
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    # The sign-in page has a language switch too.
    path("i18n/setlang/", login_not_required(set_language), name="set_language"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}ui/favicon.svg"), name="favicon"),
]
if settings.EMBEDDED:
    urlpatterns += [
        path("ui/", include("identity_manager.ui.urls")),
        path("mailbox/", include("identity_manager.console.mailbox_urls")),
    ]

handler400 = "identity_manager.ui.error_pages.bad_request"
handler403 = "identity_manager.ui.error_pages.permission_denied"
handler404 = "identity_manager.ui.error_pages.not_found"
handler500 = "identity_manager.ui.error_pages.server_error"
