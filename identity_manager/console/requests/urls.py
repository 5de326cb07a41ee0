"""URL patterns of requests, their tokens and certificates."""

from django.urls import path

from identity_manager.console.requests import parked_order_views, token_views, views

urlpatterns = [
    path("requests/", views.listing, name="requests"),
    path("requests/<uuid:pk>/", views.show, name="request"),
    path("requests/<uuid:pk>/cancel/", views.cancel, name="request-cancel"),
    path("requests/<uuid:pk>/remind/", views.remind, name="request-remind"),
    path("requests/<uuid:pk>/remind-approvers/", views.remind_approvers, name="request-remind-approvers"),
    path("requests/<uuid:pk>/retry/", views.retry, name="request-retry"),
    path("requests/<uuid:pk>/issue-remaining/", views.issue_remaining, name="request-issue-remaining"),
    path("requests/<uuid:pk>/revoke-all/", views.revoke_all, name="request-revoke-all"),
    path("requests/<uuid:pk>/resubmit/", views.resubmit, name="request-resubmit"),
    path("requests/<uuid:pk>/retry-now/", views.retry_now, name="request-retry-now"),
    path("certificates/<uuid:pk>/ask-again/", parked_order_views.ask_again, name="certificate-ask-again"),
    path("certificates/<uuid:pk>/give-up/", parked_order_views.give_up, name="certificate-give-up"),
    path("tokens/<uuid:pk>/revoke/", token_views.revoke, name="token-revoke"),
    path("tokens/<uuid:pk>/hold/", token_views.put_on_hold, name="token-hold"),
    path("tokens/<uuid:pk>/reinstate/", token_views.reinstate, name="token-reinstate"),
    path("tokens/<uuid:pk>/send-again/", token_views.send_again, name="token-send-again"),
]
