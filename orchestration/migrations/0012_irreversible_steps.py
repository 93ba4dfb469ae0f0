from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orchestration', '0011_children_of_visits'),
    ]

    operations = [
        migrations.RenameField('steprecord', 'unrepeatable', 'irreversible'),
    ]
