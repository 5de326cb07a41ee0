"""The addresses of Identity Manager. Each view fetches what it shows through console.access: default-deny."""

from django.urls import include, path

from identity_manager.console.views import (
    admin,
    approvals,
    enable,
    outbox,
    persons,
    requests,
    search,
    start,
    tokens,
)

app_name = "console"
urlpatterns = [
    path("", start.start, name="start"),
    path("search/", search.search, name="search"),
    path("persons/<uuid:pk>/", persons.person, name="person"),
    path("persons/<uuid:pk>/enable/", enable.enable, name="enable"),
    path("", include("identity_manager.console.sign_in_code_urls")),
    path("open-tasks/", approvals.queue, name="approvals"),
    path("requests/", requests.listing, name="requests"),
    path("requests/<uuid:pk>/", requests.show, name="request"),
    path("requests/<uuid:pk>/approve/", approvals.approve, name="request-approve"),
    path("requests/<uuid:pk>/reject/", approvals.reject, name="request-reject"),
    path("requests/<uuid:pk>/postpone/", approvals.postpone, name="request-postpone"),
    path("requests/<uuid:pk>/cancel/", requests.cancel, name="request-cancel"),
    path("requests/<uuid:pk>/retry/", requests.retry, name="request-retry"),
    path("requests/<uuid:pk>/retry-now/", requests.retry_now, name="request-retry-now"),
    path("tokens/<uuid:pk>/revoke/", tokens.revoke, name="token-revoke"),
    path("tokens/<uuid:pk>/send-again/", tokens.send_again, name="token-send-again"),
    path("mails/<uuid:pk>/retry/", outbox.retry, name="mail-retry"),
    path("admin/", admin.overview, name="admin"),
    path("admin/token-types/<uuid:pk>/", admin.token_type, name="token-type"),
    path("admin/terms/<uuid:pk>/", admin.terms, name="terms"),
]
