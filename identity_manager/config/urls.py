"""Root URLconf of this process, with the portals of the setting PORTALS only."""

from django.conf import settings

from identity_manager.config.addresses import addresses_of

urlpatterns = addresses_of(settings.PORTALS)

handler400 = "identity_manager.ui.http.error_pages.bad_request"
handler403 = "identity_manager.ui.http.error_pages.permission_denied"
handler404 = "identity_manager.ui.http.error_pages.not_found"
handler500 = "identity_manager.config.maintenance.server_error"
