"""The addresses of what became of delivered files; names in the namespace `console`."""

from django.urls import path

from identity_manager.console.delivery import views

urlpatterns = [
    path("not-installed/<uuid:pk>/", views.not_installed, name="not-installed"),
]
