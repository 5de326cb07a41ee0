from django.db import migrations, models


class Migration(migrations.Migration):
    """Containers with PBMAC1; the database does not know the choices."""

    dependencies = [
        ('identity_manager', '0093_apple_mail_account'),
    ]

    operations = [
        migrations.AlterField(
            model_name='container',
            name='format',
            field=models.CharField(choices=[('standard', 'standard (AES-256)'), ('compatible', 'compatible (3DES), for older devices'), ('fips', 'FIPS (PBMAC1)')], max_length=16),
        ),
    ]
