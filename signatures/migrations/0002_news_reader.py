import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signatures", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="NewsReader",
            fields=[("token_hash", models.BinaryField(max_length=32, primary_key=True, serialize=False))],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(
                            models.Func(
                                models.F("token_hash"), function="octet_length", output_field=models.IntegerField()
                            ),
                            32,
                        ),
                        name="newsreader_token_hash_32",
                    )
                ]
            },
        )
    ]
