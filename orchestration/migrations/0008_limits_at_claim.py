from django.db import migrations, models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce


def place_jobs(apps, schema_editor):
    """Jobs that wait learn where they belong and which limit of their document counts them."""
    Run, RunJob = apps.get_model('orchestration', 'Run'), apps.get_model('orchestration', 'RunJob')
    project = Run._base_manager.filter(pk=OuterRef('run_id')).values('project_id')[:1]
    RunJob.objects.update(place=Coalesce(Subquery(project), 'tenant_id'))
    open_runs = Run._base_manager.filter(ended_at__isnull=True).select_related('document')
    for run in open_runs.only('procedure_id', 'concurrency_key', 'document__canonical').iterator():
        concurrency = run.document.canonical.get('global_config', {}).get('concurrency')
        if concurrency:
            RunJob.objects.filter(pk=run.pk).update(
                lane=f'{run.procedure_id.hex}:{run.concurrency_key}',
                max_runs=concurrency.get('max_runs', 1),
                count_waiting=bool(concurrency.get('count_waiting', False)),
            )


class Migration(migrations.Migration):

    dependencies = [
        ('orchestration', '0007_calls'),
        ('procedures', '0002_initial'),
        ('tenants', '0003_used_tickets'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='run', name='run_open_by_procedure'),
        migrations.RemoveIndex(model_name='runjob', name='job_ready'),
        migrations.AddField(
            model_name='runjob',
            name='count_waiting',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='runjob',
            name='lane',
            field=models.CharField(blank=True, max_length=97),
        ),
        migrations.AddField(
            model_name='runjob',
            name='max_runs',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='runjob',
            name='over_limit',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='runjob',
            name='told',
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AddField(
            model_name='runjob',
            name='place',
            field=models.UUIDField(null=True),
        ),
        migrations.RunPython(place_jobs, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='runjob',
            name='place',
            field=models.UUIDField(),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('ended_at__isnull', True), ('started_at__isnull', False)), fields=['procedure', 'concurrency_key'], name='run_begun_by_procedure'),
        ),
        migrations.AddIndex(
            model_name='runjob',
            index=models.Index(condition=models.Q(('over_limit', False), ('state', 'ready')), fields=['tenant', 'place', '-priority', 'available_at', 'run'], name='job_next'),
        ),
        migrations.AddIndex(
            model_name='runjob',
            index=models.Index(condition=models.Q(('over_limit', True), ('state', 'ready')), fields=['lane', '-priority', 'available_at', 'run'], name='job_over_limit'),
        ),
    ]
