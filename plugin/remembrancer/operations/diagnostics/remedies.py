"""The reason and the remedy for each of the ten checks."""

from __future__ import annotations

from typing import Final

REMEDIES: Final = {
    "executions": (
        "Failed work is not done; a rising failure rate is an early sign of a fault in what handlers depend on.",
        "Find the reasons with `history` and `dead-letter list`; fix the cause, then `dead-letter run` or `clear`.",
    ),
    "drift": (
        "Tasks that start late or not at all break commitments that the agent made for those times.",
        "Check for downtime, handlers that block the loop, or a slow graph; choose a `misfire` policy.",
    ),
    "memory": (
        "The system kills a process that runs out of memory, in the middle of its work.",
        "Restart it at a quiet time; limit the memory of handlers, and their number with max_concurrent_handlers.",
    ),
    "database": (
        "Every claim and outcome is a commit: a graph that is slow, unreachable or full stops all work.",
        "Free disk space; make the graph writable, or move it; make its folder private; on a server, read its log.",
    ),
    "cron": (
        "Authors of rejected expressions may believe that a task is scheduled; a calendar ends with its data.",
        (
            "Test with `remembrancer preview`; read the `history` of a quarantined task; renew calendars; "
            "correct the queries of cues."
        ),
    ),
    "service": (
        "No task fires while the scheduler is stopped or halted.",
        (
            "Start `remembrancer serve`, or read its log; end a halt by `remembrancer release`; raise the check "
            "interval if ticks are missed under load."
        ),
    ),
    "deferrals": (
        "Repeatedly deferred tasks are not getting done.",
        "Read the reasons (`remembrancer show TASK`, query deferral_reasons): fix them, or cancel the task.",
    ),
    "performance": (
        "A growing backlog, or handlers that take ever longer, soon make tasks late.",
        "Avoid blocking calls in handlers, raise max_concurrent_handlers, or add a scheduler on a shared graph.",
    ),
    "limits": (
        "At the limit, due tasks wait for a running handler to end; without a budget or a slot they do not run.",
        (
            "Raise max_concurrent_handlers, shorten timeouts, or spread the schedules. Find tasks that wait by "
            "`remembrancer status` and `show TASK`. Raise budgets by `remembrancer budget set`; "
            "a live scheduler frees stray slots, and so does `remembrancer check --repair`. "
            "A circuit closes after a trial that completes, or by `remembrancer circuit KEY --reset`."
        ),
    ),
    "integration": (
        "An expired lease is work of unknown outcome; tasks fire at the wrong time if clocks disagree.",
        (
            "Start a scheduler: it recovers leases. Synchronize clocks; `recheck` zones. Give thoughts an id and text. "
            "Serve tasks with commands by `serve --run-commands`."
        ),
    ),
}
"""By the name of the check: the reason, and the remedy."""
