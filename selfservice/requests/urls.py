"""URL patterns of the person's requests, included into those of Self-Service."""

from django.urls import path

from selfservice.requests import new_request_views, views

urlpatterns = [
    path("request/", new_request_views.request_softtoken, name="request-softtoken"),
    path("requests/", views.requests, name="requests"),
    path("requests/<uuid:request_id>/remind-approvers/", views.remind_approvers, name="remind-approvers"),
    path("requests/<uuid:request_id>/withdraw/", views.withdraw, name="withdraw"),
    path("requests/<uuid:request_id>/again/", new_request_views.ask_again, name="ask-again"),
]
