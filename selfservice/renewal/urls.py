"""URL patterns of renewal, included into those of Self-Service."""

from django.urls import path

from selfservice.renewal import views

urlpatterns = [
    path("renewals/", views.renewals, name="renewals"),
    path("tokens/<uuid:token_id>/renew/", views.renew, name="renew"),
    path("tokens/<uuid:token_id>/not-needed/", views.not_needed, name="not-needed"),
]
