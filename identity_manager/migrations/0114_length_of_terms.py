from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes no column: forms read from the model how long a text of terms may be."""

    dependencies = [
        ('identity_manager', '0113_test_result_of_a_target'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='termstext',
                    name='body',
                    field=models.TextField(max_length=100000, verbose_name='Text'),
                ),
            ],
        ),
    ]
