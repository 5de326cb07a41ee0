"""URL patterns of **Enable**."""

from django.urls import path

from identity_manager.console.enable import views

urlpatterns = [
    path("persons/<uuid:pk>/enable/", views.enable, name="enable"),
]
