"""Of each of the ten checks: why it matters, and what to do about it."""

from __future__ import annotations

from typing import Final

ADVICE: Final = {
    "executions": (
        "What fails is not done, and a rate that rises is the first sign of something broken behind the handler.",
        "Look at `remembrancer history` or the query why_not for the reasons; mend the cause, then `run-now`.",
    ),
    "drift": (
        "A task that begins late, or not at all, keeps no promise that was made about a time.",
        "See whether the scheduler was down, its handlers block the loop, or the graph is slow; choose `misfire`.",
    ),
    "memory": (
        "A process that grows is ended by its machine, in the middle of its work.",
        "Restart it at a quiet moment; bound what handlers hold, and handlers under way with max_concurrent_handlers.",
    ),
    "database": (
        "Every claim and outcome is a commit: a graph that is slow, away or full stops everything.",
        "Free the disk, make the graph writable or move it; close its folder to others; on a server, look at its log.",
    ),
    "cron": (
        "Who writes expressions that are refused believes that something is scheduled, and nothing is.",
        "Show the author `remembrancer preview EXPRESSION`; of a task set aside, `history` says why: schedule it anew.",
    ),
    "service": (
        "Nothing fires while the checker does not run.",
        "Start `remembrancer serve`, or read its log; raise the interval if looks are missed under load.",
    ),
    "deferrals": (
        "What is put off again and again is not being done, and its reason is the thing to mend.",
        "Read the reasons (`remembrancer show TASK`, query deferral_reasons): cancel the task or clear its way.",
    ),
    "performance": (
        "Work that piles up, or takes longer and longer, becomes lateness soon.",
        "Let handlers wait without blocking, raise max_concurrent_handlers, or add a scheduler on a shared graph.",
    ),
    "limits": (
        "At the limit, what is due waits for a handler to end.",
        "Raise max_concurrent_handlers, shorten timeouts, or spread the schedule.",
    ),
    "integration": (
        "A lease nobody took over is work whose fate is unknown; clocks that disagree fire at the wrong time.",
        "Start a scheduler: it takes over what is stuck. Set this machine's clock. Give thoughts an id and text.",
    ),
}
"""By the name of the check: why, and what to do."""
