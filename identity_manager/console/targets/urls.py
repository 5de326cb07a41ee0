"""URL patterns of targets, within ADMIN."""

from django.urls import path

from identity_manager.console.targets import views

urlpatterns = [
    path("targets/", views.listing, name="targets"),
    path("targets/<slug:name>/", views.target, name="target"),
    path("targets/<slug:name>/test/", views.test, name="target-test"),
    path("targets/<slug:name>/use/", views.ask, name="target-use"),
    path("targets/<slug:name>/publish-again/", views.repeat_all, name="target-repeat"),
    path("targets/uses/<uuid:pk>/confirm/", views.confirm, name="target-use-confirm"),
    path("targets/uses/<uuid:pk>/refuse/", views.refuse, name="target-use-refuse"),
    path("targets/uses/<uuid:pk>/end/", views.end, name="target-use-end"),
    path("targets/certificates/<uuid:pk>/publish-again/", views.repeat, name="placement-repeat"),
    path("targets/certificates/<uuid:pk>/settle/", views.settle, name="placement-settle"),
]
