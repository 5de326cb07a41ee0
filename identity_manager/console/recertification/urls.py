"""URL patterns of the recertification of roles; names in the namespace `console`."""

from django.urls import path

from identity_manager.console.recertification import views

urlpatterns = [
    path("recertifications/", views.listing, name="recertifications"),
    path("recertifications/open/", views.open_now, name="recertification-open"),
    path("recertifications/<uuid:pk>/", views.show, name="recertification"),
    path("recertifications/<uuid:pk>/export/", views.export, name="recertification-export"),
    path("recertifications/<uuid:pk>/print/", views.print_report, name="recertification-print"),
    path("role-reviews/<uuid:pk>/withdraw/", views.withdraw, name="role-review-withdraw"),
]
