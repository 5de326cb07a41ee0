"""URL patterns of the first page."""

from django.urls import path

from identity_manager.console.start import views

urlpatterns = [
    path("", views.start, name="start"),
]
