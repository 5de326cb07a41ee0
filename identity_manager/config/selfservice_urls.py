"""The addresses of Self-Service, for links from where it is not served: mails, the other portal."""

from identity_manager.config.addresses import addresses_of

urlpatterns = addresses_of(["selfservice"])
