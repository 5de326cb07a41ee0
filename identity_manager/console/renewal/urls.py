"""URL patterns of renewals and changes of key holders."""

from django.urls import path

from identity_manager.console.renewal import views

urlpatterns = [
    path("renewals/", views.forecast, name="renewals"),
    path("holder-changes/<uuid:pk>/", views.holder_change, name="holder-change"),
]
