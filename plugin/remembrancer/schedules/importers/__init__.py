"""Importers: schedules of other systems. Nothing of a source is executed.

- `apscheduler`: jobs of APScheduler 3, from the table in which its SQLAlchemy job store keeps them.
- `apscheduler_fields`: the fields of its cron trigger.
- `apscheduler_state`: its pickled job states, read without its classes.
- `calendar_fields`: calendar fields that must all agree.
- `celery_crontab`: the fields of Celery's `crontab`.
- `celery_entries`: entries of a Celery beat schedule as tasks.
- `celery_settings`: beat schedules in Python settings, read without running them.
- `claude_code`: scheduled tasks of Claude Code.
- `crontab`: crontab files, line by line.
- `crontab_format`: the two forms of a crontab.
- `crontab_jobs`: job lines of a crontab as tasks.
- `crontab_times`: the times of a line.
- `django_beat`: tables of django-celery-beat.
- `entries`: entries of foreign schedules.
- `plain_values`: values of foreign jobs as JSON.
- `systemd`: timers of systemd.
- `systemd_times`: calendar events and time spans of systemd.
- `systemd_units`: unit files of systemd, and the commands of services.
"""
