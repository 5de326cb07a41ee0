from django.apps import AppConfig


class EmbeddedCaConfig(AppConfig):
    """The embedded CA's register of certificates and its CRLs."""

    name = "ca_bridge.connectors.embedded"
    label = "embedded_ca"
    verbose_name = "Embedded certificate authority"
