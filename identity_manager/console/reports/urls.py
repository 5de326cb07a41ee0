"""URL patterns of reports."""

from django.urls import path

from identity_manager.console.reports import views

urlpatterns = [
    path("", views.listing, name="reports"),
    path("saved/<uuid:pk>/", views.saved, name="saved-report"),
    path("saved/<uuid:pk>/mail/", views.mail, name="saved-report-mail"),
    path("<slug:name>/", views.show, name="report"),
    path("<slug:name>/export/", views.export, name="report-export"),
    path("<slug:name>/save/", views.save, name="report-save"),
]
