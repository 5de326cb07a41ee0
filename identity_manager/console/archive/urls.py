"""URL patterns of the key archive, included into those of Identity Manager."""

from django.urls import path

from identity_manager.console.archive import drill_views, export_views, views

urlpatterns = [
    path("recovery-certificates/", views.listing, name="recovery-certificates"),
    path("recovery-certificates/<uuid:pk>/", views.show, name="recovery-certificate"),
    path("recovery-certificates/<uuid:pk>/confirm/", views.confirm, name="recovery-certificate-confirm"),
    path("recovery-certificates/<uuid:pk>/retire/", views.retire, name="recovery-certificate-retire"),
    path("recovery-certificates/<uuid:pk>/share/", views.give_share, name="recovery-certificate-share"),
    path("recovery-certificates/<uuid:pk>/drill/", drill_views.begin, name="recovery-drill-begin"),
    path("recovery-drills/<uuid:pk>/confirm/", drill_views.confirm, name="recovery-drill-confirm"),
    path("recovery-drills/<uuid:pk>/share/", drill_views.share, name="recovery-drill-share"),
    path("archive-exports/", export_views.ask, name="archive-export-ask"),
    path("archive-exports/<uuid:pk>/confirm/", export_views.confirm, name="archive-export-confirm"),
    path("archive-exports/<uuid:pk>/withdraw/", export_views.withdraw, name="archive-export-withdraw"),
]
