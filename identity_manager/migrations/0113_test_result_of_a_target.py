from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes no column: what a connection test found stays in the column told."""

    dependencies = [
        ('identity_manager', '0112_person_by_given_name'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='target',
                    name='told',
                    field=models.TextField(blank=True, db_column='told'),
                ),
                migrations.RenameField(model_name='target', old_name='told', new_name='test_result'),
            ],
        ),
    ]
