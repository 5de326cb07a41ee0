"""URL patterns of **SEARCH**."""

from django.urls import path

from identity_manager.console.certificates import export_views
from identity_manager.console.search import saved_search_views, views

urlpatterns = [
    path("search/", views.search, name="search"),
    path("search/export/", views.export, name="search-export"),
    path("search/certificates/", export_views.export, name="certificates-export"),
    path("search/saved/", saved_search_views.listing, name="saved-searches"),
    path("search/saved/new/", saved_search_views.save, name="search-save"),
    path("search/saved/<uuid:pk>/rename/", saved_search_views.rename, name="saved-search-rename"),
    path("search/saved/<uuid:pk>/delete/", saved_search_views.delete, name="saved-search-delete"),
]
