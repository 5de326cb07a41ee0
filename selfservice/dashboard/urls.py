"""URL patterns of the person's first page, included into those of Self-Service."""

from django.urls import path

from selfservice.dashboard import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
]
