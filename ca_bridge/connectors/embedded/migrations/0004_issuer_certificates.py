"""Certificates of the CA for processes that hold none of its keys, and do not see its directory."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("embedded_ca", "0003_register_issuer")]

    operations = [
        migrations.CreateModel(
            name="IssuerCertificates",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("ca", models.CharField(max_length=40)),
                ("issuer", models.CharField(max_length=10)),
                ("pem", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("ca", "issuer"), name="embedded_ca_certificates_per_issuer"
                    )
                ],
            },
        ),
    ]
