"""URLconf of Identity Manager, for links in mails and of the other portal."""

from identity_manager.config.addresses import pages_of

urlpatterns = pages_of(["console"])
