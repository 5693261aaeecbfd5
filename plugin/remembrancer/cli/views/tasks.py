"""Tables of tasks, and of their executions and changes, for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from remembrancer.cli.grid import Cell, Grid
from remembrancer.cli.output import status_cell, when
from remembrancer.model.addition import Cause
from remembrancer.model.audit import AuditEntry
from remembrancer.model.request import TASK_FIELDS
from remembrancer.model.timestamps import from_ms, to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from remembrancer.model.execution import Execution
    from remembrancer.model.task import FieldChange, ScheduledTask

_IN_THE_SCHEDULE: Final = frozenset({"schedule", "schedule_cron", "timezone"})
_SHOWN: Final = 120


def task_table(tasks: Iterable[ScheduledTask]) -> Grid:
    """Return tasks as a table, one per row; with their tags, group and next fires, where any has some."""
    listed = list(tasks)
    ahead = ("next fires",) if any(task.next_fires for task in listed) else ()
    found_by = [name for name in ("group", "tags") if any(getattr(task, name) for task in listed)]
    waits = ("waits for",) if listed and all(task.wait_key is not None for task in listed) else ()
    table = Grid(("task", "name", "status", "schedule", "next run", "last run", "deferrals", *found_by, *waits, *ahead))
    for task in listed:
        table.add(
            task.task_id,
            task.name,
            status_cell(task.status),
            str(task.schedule) if task.unreadable is None else f"unreadable: {task.unreadable}",
            next_run(task),
            when(task.last_triggered_at),
            str(task.deferral_count or ""),
            *(_fact(name, task) for name in found_by),
            *(task.wait_reason or "" for _ in waits),
            *(", ".join(when(each) for each in task.next_fires or ()) for _ in ahead),
        )
    return table


def next_run(task: ScheduledTask) -> str:
    """Return the time of the next run for people; of a paused task, the end of the pause."""
    if task.is_paused(datetime.now(UTC)):
        return "paused" if task.paused_until is None else f"paused until {when(task.paused_until)}"
    if task.question_id is not None:
        return "waits for an answer"
    if task.waits_since_ms is not None:
        return f"waits since {when(from_ms(task.waits_since_ms))}"
    run_ms = task.next_run_ms
    if task.skips is not None and run_ms is not None and task.deferral_id is None:
        from remembrancer.schedules.kinds import firing_schedule

        run_ms = firing_schedule(task).next_after(run_ms - 1)
    return when(from_ms(run_ms)) if run_ms is not None else ""


def fact_table(task: ScheduledTask) -> Grid:
    """Return one task as a table of facts: its state, and each field that it has a value of."""
    table = Grid()
    facts = {
        "task": task.task_id,
        "name": task.name,
        "status": task.status,
        "schedule": str(task.schedule),
        "next run": next_run(task),
        **_changed_fires(task),
        "next fires": ", ".join(when(each) for each in task.next_fires or ()) if task.task_type == "recurring" else "",
        "waits for": task.wait_reason or "",
        "paused": when(task.paused_at),
        "paused until": when(task.paused_until),
        "pause reason": task.pause_reason or "",
        **_question(task),
        "check error": task.check_error or "",
        "last run": when(task.last_triggered_at),
        "created": when(task.created_at),
        "template": f"{task.template}, version {task.template_version}" if task.template else "",
        **{name.replace("_", " "): _fact(name, task) for name in TASK_FIELDS if name not in _IN_THE_SCHEDULE},
        "unreadable": task.unreadable or "",
    }
    for name, fact in facts.items():
        if fact:
            table.add(name, fact)
    return table


def _question(task: ScheduledTask) -> dict[str, str]:
    """Return the question that a task waits for, or the answer to its last one."""
    if task.question is None and task.answer is None:
        return {}
    from remembrancer.model.question import answer_from, question_from

    if task.question is not None:
        question = question_from(task.question)
        return {"question": question.question, "asked of": ", ".join(question.asked_of)}
    answer = answer_from(task.answer or "")
    return {"question": answer.question, "answer": answer.text, "answered by": answer.answered_by or answer.surface}


def _changed_fires(task: ScheduledTask) -> dict[str, str]:
    """Return the additions and the skips that a task has ahead, if it has some."""
    if task.additions is None and task.skips is None:
        return {}
    from remembrancer.policies.additions import pending_additions
    from remembrancer.policies.skips import pending_skips

    added = [f"{to_iso(from_ms(each.at_ms))} ({each.cause})" for each in pending_additions(task)]
    skipped = [to_iso(from_ms(each.at_ms)) for each in pending_skips(task)]
    return {"added": ", ".join(added), "skipped": ", ".join(skipped)}


def _fact(name: str, task: ScheduledTask) -> str:
    """Return the value of a field of a request for people; nothing where the task has none."""
    value: object = getattr(task, name)
    if isinstance(value, datetime):
        return when(value)
    return "" if value is None else TASK_FIELDS[name].shown(value)


def newest_first(executions: Iterable[Execution]) -> list[Execution]:
    """Return executions by their nominal times, and the attempts at one by their numbers, the last ones first."""
    return sorted(executions, key=lambda one: (one.nominal_at, one.task_id, one.attempt), reverse=True)


def execution_table(told: Iterable[Execution | AuditEntry], max_attempts: int | None = None) -> Grid:
    """Return executions and changes as a table, one per row; of one task, the most attempts are known."""
    table = Grid(("triggered at", "task", "status", "nominal time", "took", "reason or result", "execution"))
    for one in told:
        if isinstance(one, AuditEntry):
            table.add(*_change_cells(one))
            continue
        nominal = to_iso(one.nominal_at)
        if one.occurrences > 1 and one.last_nominal_at is not None:
            nominal = f"{nominal} … {to_iso(one.last_nominal_at)} ({one.occurrences})"
        if one.cause is not None:
            nominal = f"{nominal} ({one.cause})"
        table.add(
            to_iso(one.triggered_at),
            one.task_id,
            status_cell(one.status),
            nominal,
            "" if one.duration_seconds is None else f"{one.duration_seconds:.3f} s",
            _shortened("; ".join(filter(None, (_match(one), _attempts(one, max_attempts), one.reason or one.result)))),
            one.execution_id,
        )
    return table


def _attempts(execution: Execution, most: int | None) -> str:
    """Return the number of a later attempt, and when the next one starts; nothing for a first and only one."""
    of = "" if most is None else f" of {most}"
    number = f"attempt {execution.attempt}{of}" if execution.attempt > 1 else ""
    again = "" if execution.retry_due_ms is None else f"again at {to_iso(from_ms(execution.retry_due_ms))}"
    return ", ".join(filter(None, (number, again)))


def _match(execution: Execution) -> str:
    """Return the row of the match that an occurrence comes from; nothing for any other."""
    if execution.cause != Cause.CUE or execution.cause_detail is None:
        return ""
    return ", ".join(f"{name}: {value}" for name, value in execution.cause_detail.items())


def _change_cells(change: AuditEntry) -> tuple[str | Cell, ...]:
    who = change.surface or "unknown" if change.actor is None else f"{change.surface}: {change.actor}"
    was, fields = change.before or {}, change.after or {}
    moved = ", ".join(_moved(name, was.get(name), value) for name, value in fields.items()) if was else ""
    said = "; ".join(part for part in (f"by {who}", change.reason, moved) if part)
    return (
        to_iso(change.at),
        change.task_id or "",
        status_cell(change.action),
        "",
        "",
        _shortened(said),
        change.change_id,
    )


def _moved(name: str, before: object, after: object) -> str:
    """Return the change of a field in words; timestamps in milliseconds are shown as times."""
    if not name.endswith("_ms"):
        return f"{name} {before} → {after}"
    first, then = (to_iso(from_ms(each)) if isinstance(each, int) else "none" for each in (before, after))
    return f"{name.removesuffix('_ms')} {first} → {then}"


def change_words(name: str, change: FieldChange) -> str:
    """Return the change of a field that an update has made, in words; schedules are shown as lists show them."""
    if name == "schedule_spec":
        return f"schedule: {_schedule_words(change.before)} → {_schedule_words(change.after)}"
    return f"{name}: {change.before} → {change.after}"


def _schedule_words(value: object) -> str:
    """Return a kept schedule as lists show it; the value itself where it is none, or in such words already."""
    from remembrancer.model.schedule import value_from

    try:
        return str(value_from(value)) if isinstance(value, str) else str(value)
    except ValueError:
        return str(value)


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
