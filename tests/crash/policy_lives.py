"""Short lives of tasks under each policy: together they reach each write of a policy, wherever they are cut off.

What a handler answers, its task says; so a process that takes over needs nothing but the graph. A virtual clock tells
the time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from policy_model import OPEN

from remembrancer import Ask, Defer, Failed, RemembrancerError, SchedulerOptions, TaskSchedulerService
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import to_ms
from remembrancer.policies.decision import PLAIN, PlanContext
from remembrancer.policies.pipeline import plan_page
from remembrancer.ports.writes import Lease
from remembrancer.stores.commits.writes import SPECS
from remembrancer.stores.graph.concurrency import limits
from remembrancer.testing import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from remembrancer import Firing
    from remembrancer.model.task import ScheduledTask
    from remembrancer.ports.handler import HandlerReturn

    Told = Callable[..., None]

START: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIXED: Final = {"backoff": "fixed", "delay": 60, "jitter": "none"}
SLOW: Final = {"backoff": "fixed", "delay": 600, "jitter": "none"}
POOR: Final = {"runs": 4, "tokens": 200, "on_exhausted": "wait"}

OF_OTHERS: Final = {
    "advance_past_existing": "a task whose past was restored: tests/stores/test_partial_restore.py",
    "report_progress": "progress is no policy",
    "link_created_thoughts": "thoughts of handlers are no policy",
    "drop_retries": "an attempt of a task that went without a change: tests/stores/test_unreadable_records.py",
    "renew_leases": "it changes nothing but the end of a lease: tests/chaos",
    "return_dedup_keys": "keys are no policy",
    "skip_unreadable": "a damaged record: tests/stores/test_unreadable_records.py",
    "quarantine_tasks": "a damaged record: tests/stores/test_unreadable_records.py",
    "disarm_unreadable": "a damaged record: tests/stores/test_unreadable_records.py",
    "unlink_times": "links for readers follow the run that moved",
    "link_times": "links for readers follow the run that moved",
    "record_causes": "reactions: test_reactions_killed.py",
    "arm_next_checks": "reactions: test_reactions_killed.py",
    "follow_tasks": "reactions: test_reactions_killed.py",
    "follow_no_more": "reactions: test_reactions_killed.py",
    "follow_another": "reactions: test_reactions_killed.py",
    "add_reactions": "reactions: test_reactions_killed.py",
    "fail_checks": "reactions: test_reactions_killed.py",
    "end_watched_tasks": "reactions: test_reactions_killed.py",
    "rearm_tasks": "clocks set back: tests/engine/test_clock_set_back.py",
    "shorten_missed": "clocks set back: tests/engine/test_clock_set_back.py",
    "erase_missed": "clocks set back: tests/engine/test_clock_set_back.py",
    "ask_to_stop": "it asks another replica: tests/service/test_overlap.py",
    "refuse_beyond_quotas": "it refuses a creation as a whole: tests/service/test_quotas.py",
    "refuse_beyond_origins": "it refuses a creation as a whole: tests/service/test_quotas.py",
    "take_slots_back": "it undoes what its own commit took for an attempt that did not begin",
    "refuse_former_edition": "it writes only where two replicas race: tests/service/test_dependencies.py",
}
"""The writes of executions, tasks and lineages that no life has to reach, each with the reason."""
UPKEEP: Final = {
    *("create_zone_rules", "write_zone_rules", "write_readings", "begin_roll_up", "roll_up_executions"),
    *("delete_thoughts", "prune_events", "write_statistics", "last_commit", "roll_up_hours", "roll_up_counters"),
    *("delete_counters", "write_heartbeats", "deregister_replicas", "probe_write", "create_tokens", "revoke_tokens"),
    *("create_calendars", "renew_calendars", "delete_calendars", "unlink_references", "link_calendars"),
    *("link_changed_calendars", "create_templates", "replace_templates", "delete_templates", "link_templates"),
    *("link_followed", "link_changed_followed", "put_nodes_of_<label>", "put_own_thoughts", "put_edges_of_<edge>"),
    *("write_copy_progress", "complete_copy", "delete_unreadable_<label>", "delete_unreadable_tokens"),
    *("replace_batches", "record_repair", "set_derived", "delete_statistics", "restore_graph", "end_all_leases"),
    *("delete_replicas",),
}
"""The writes that keep the graph itself: references, counters, copies and repairs."""
OF_POLICIES: Final = SPECS.keys() - OF_OTHERS.keys() - UPKEEP
"""The writes that some life has to reach: a new one is among them until it is named above."""


class Life:
    """A scheduler on a graph, driven by hand, and tasks whose prompts say what their handlers do.

    Args:
        graph: The graph.
        tell: Told what is about to be done, and what was acknowledged.
        now: The time at which it begins.
    """

    def __init__(self, graph: str, tell: Told, now: datetime = START) -> None:
        self.clock = VirtualClock(now)
        self.tell = tell
        self.is_over = False
        """True if every handler does well, so that all comes to its end."""
        self.holding: dict[str, asyncio.Event] = {}
        options = SchedulerOptions(shutdown_timeout_seconds=0.0)
        self.service = TaskSchedulerService(graph, self.clock, handler=self.handle, options=options)
        self.ids: dict[str, str] = {}

    async def open(self) -> None:
        """Open the graph, and recover."""
        await self.service.open()
        await self.recover()

    async def recover(self) -> None:
        await self.service.recover()
        await self.settle()

    # What handlers do

    async def handle(self, firing: Firing) -> HandlerReturn:
        """Do as the prompt says."""
        execution = firing.execution
        self.tell(begun=execution.execution_id)
        if self.is_over:
            return None
        verb, _, rest = (firing.trigger_prompt or "").partition(" ")
        return await getattr(self, f"_{verb}")(firing, rest)

    async def _well(self, _firing: Firing, _rest: str) -> None:
        """Nothing goes wrong."""

    async def _fail(self, firing: Firing, times: str) -> HandlerReturn:
        return Failed("It did not work.") if firing.execution.attempt <= int(times) else None

    async def _never(self, _firing: Firing, _rest: str) -> HandlerReturn:
        return Failed("It never works.", permanent=True)

    async def _ask(self, firing: Firing, _rest: str) -> HandlerReturn:
        return None if firing.answer else Ask("May I?", within="35m", on_no_answer="remind", reminders=1)

    async def _wait(self, firing: Firing, times: str) -> HandlerReturn:
        later = self.clock.now() + timedelta(minutes=10)
        return Defer(later, "Not just now.") if firing.task.deferral_count < int(times) else None

    async def _hold(self, firing: Firing, _rest: str) -> None:
        self.holding[firing.execution.execution_id] = event = asyncio.Event()
        try:
            await event.wait()
        finally:
            self.holding.pop(firing.execution.execution_id, None)

    async def _spawn(self, firing: Firing, prompt: str) -> None:
        firing.spend(tokens=3)
        name = f"child of {firing.execution.execution_id}"
        with suppress(RemembrancerError):  # its lineage has no room for it
            await self.make(name, prompt, 5, thought="of the child", estimate={"tokens": 2})

    # What callers do

    async def make(self, name: str, prompt: str = "well", minutes: int = 1, *, every: int = 0, **fields: Any) -> str:
        """Schedule a task, once in so many minutes or *every* so many; return its id."""
        now, thought = self.clock.now(), fields.pop("thought", "thought")
        due = now + timedelta(minutes=minutes)
        times: dict[str, Any] = {"every": every} if every else {"due": to_ms(due)}
        self.tell(plans=name, at=to_ms(now), fields={"max_attempts": fields.get("max_attempts", 3)}, **times)
        when: dict[str, Any] = {"defer_until": due}
        if every:
            when = {"schedule": {"kind": "every", "every": f"{every}m", "anchor": now.isoformat()}}
        made = await self.service.schedule_task(name, "goal", prompt, thought, **when, **fields)
        self.tell(scheduled=made.task_id)
        self.ids[name] = made.task_id
        return made.task_id

    async def did(self, what: str, doing: Awaitable[Any], **detail: Any) -> Any:
        """Do something, and tell that it was acknowledged."""
        self.tell(doing=what, **detail)
        done = await doing
        await self.at_rest()
        self.tell(did=what, **detail)
        return done

    async def set_limit(self, key: str, slots: int | None) -> None:
        await self.did("limit", self.service.set_limit(key, slots), value=["key", key, slots])
        await self.settle()

    async def set_budget(self, of: str, **budget: Any) -> None:
        await self.did("budget", self.service.set_budget(of, budget), value=["of", of, budget["runs"]])
        await self.settle()

    async def cancel(self, name: str) -> None:
        await self.did("cancel", self.service.cancel_task(self.ids[name]), id=self.ids[name])

    async def defer(self, name: str, minutes: int, thought: str | None = None) -> None:
        until = self.clock.now() + timedelta(minutes=minutes)
        made = await self.service.defer_task(self.ids[name], until, "Not yet.", thought)
        self.tell(did="defer", id=made.deferral_id)

    async def answer(self, task_id: str, text: str) -> None:
        self.clock.advance(timedelta(seconds=1))  # it is due after what was looked at last
        self.tell(now=to_ms(self.clock.now()))
        question = (await self.service.get_task(task_id)).question_id
        await self.did("answer", self.service.answer_task(task_id, text), id=question)

    async def rerun(self, name: str, prompt: str | None = None) -> None:
        (letter,) = await self.service.dead_letters(self.ids[name])
        started = await self.service.rerun(letter.dead_letter_id, prompt)
        self.tell(did="rerun", id=started.execution_id)
        await self.at_rest()
        await self.settle()

    async def clear(self, name: str) -> None:
        (letter,) = await self.service.dead_letters(self.ids[name])
        await self.did("clear", self.service.clear_dead_letter(letter.dead_letter_id, "Mended."))

    async def lose(self, *names: str) -> None:
        """Claim tasks that are due, as a replica would that dies of it."""
        store, now_ms = self.service._graph(), to_ms(self.clock.now())
        context = PlanContext(now_ms, "replica_dead")
        tasks = [await store.tasks.get(self.ids[name]) for name in names]
        planned = await plan_page(tasks, PLAIN, context)
        dead = Lease(new_id("lease", now_ms), "replica_dead", self.clock.now() - timedelta(seconds=1))
        won = await store.queue.claim(planned.claims, dead)
        assert len(won) == len(names)

    # Time

    async def after(self, minutes: int) -> None:
        """Let time go by, and do all that is due."""
        self.clock.advance(timedelta(minutes=minutes))
        self.tell(now=to_ms(self.clock.now()))
        await self.settle()

    async def settle(self) -> None:
        scheduler = self.service._process.running_scheduler()
        done = 1
        while done:
            await scheduler.react()
            done = await scheduler.tick()
            await self.at_rest()

    async def at_rest(self) -> None:
        """Return when nothing runs but what is held."""
        count = "MATCH (e:task_execution {status: 'running'}) RETURN count(e) AS n"
        while (await self.service.cypher(count))[0]["n"] != len(self.holding):  # noqa: ASYNC110 (the graph tells nobody)
            await asyncio.sleep(0.001)
        await self.service._process.running_scheduler()._executor._outcome_writer.idle()

    async def let_go(self) -> None:
        """Let all go on that is held."""
        for event in list(self.holding.values()):
            event.set()
        self.holding.clear()
        await self.at_rest()
        await self.settle()

    async def free(self, task: ScheduledTask) -> None:
        """Take away what one task waits for."""
        if task.paused_at is not None:
            await self.service.resume_task(task.task_id)
        if task.question_id is not None:
            self.clock.advance(timedelta(seconds=1))
            await self.service.answer_task(task.task_id, "yes")
        if task.depends_on:
            await self.service.update_task(task.task_id, depends_on=[])

    async def drain(self) -> None:
        """Take everything away that anything waits for, and let time go by."""
        self.is_over = True
        await self.did("release", self.service.release())
        await self.let_go()
        for limit in [
            each for each in await self.service.list_limits() if not each.key.startswith(("overlap:", "circuit:"))
        ]:
            await self.set_limit(limit.key.removeprefix("key:"), None)
        for row in await self.service.cypher("MATCH (l:lineage) WHERE l.runs IS NOT NULL RETURN l.lineage_id AS id"):
            await self.set_budget(row["id"], runs=1000, tokens=100_000)
        for task in await self.service.find_tasks(limit=1000, statuses=OPEN):
            await self.free(task)
        for minutes in (1, 60, 240, 1):
            await self.after(minutes)


# Lives


async def retries(life: Life) -> None:
    """Attempts wait, are held by a pause, released, withdrawn, and give up."""
    await life.make("tried thrice", "fail 2", retry=FIXED, max_attempts=5)
    for _ in range(3):
        await life.after(1)
    await life.make("gives up", "fail 9", retry=FIXED, max_attempts=2)
    held = await life.make("held", "fail 1", every=30, retry=SLOW, concurrency_key="desk")
    await life.after(30)
    await life.did("pause", life.service.pause_task(held, None, "Holidays"))
    await life.after(10)
    await life.did("resume", life.service.resume_task(held))
    await life.after(1)
    dropped = await life.make("dropped", "fail 9", every=20, retry=SLOW)
    await life.after(20)
    await life.did("edit", life.service.update_task(dropped, retry=None), id=dropped)
    await life.cancel("held")
    await life.after(15)


async def dead_letters(life: Life) -> None:
    """A failure for good runs again, fails again, runs with another prompt, and is cleared."""
    await life.make("broken", "never")
    await life.make("broken too", "never", every=10)
    await life.after(10)
    await life.rerun("broken")
    await life.rerun("broken", "well")
    await life.clear("broken")
    await life.rerun("broken too", "fail 3")
    await life.after(10)
    await life.make("given a rest", "never", every=10, pause_on_failure=2)
    await life.after(10)
    await life.after(10)


async def slots(life: Life) -> None:
    """Several want one slot: those that find none wait, one is cancelled, and the limit is raised."""
    await life.set_limit("desk", 1)
    for place, name in enumerate(("first", "second", "third", "fourth"), 1):
        await life.make(name, "hold", place, concurrency_key="desk")
    await life.after(4)
    await life.let_go()
    await life.cancel("third")
    await life.set_limit("desk", 3)
    by_hand = await life.make("by hand", "hold", 60, concurrency_key="desk")
    started = await life.service.run_now(by_hand)
    life.tell(did="rerun", id=started.execution_id)
    await life.cancel("by hand")
    await life.let_go()


async def overlaps(life: Life) -> None:
    """Runs are in each other's way: they wait, are skipped, or take the place of others, of a waiting attempt too."""
    retry = {"backoff": "fixed", "delay": 300, "jitter": "none"}
    await life.make("held", "hold", 1, overlap="buffer_all", overlap_key="desk")
    await life.make("waits", "fail 1", 2, overlap="buffer_all", overlap_key="desk", retry=retry)
    await life.make("skipped", "well", 3, overlap="skip", overlap_key="desk")
    for _ in range(3):
        await life.after(1)
    await life.let_go()
    await life.make("behind", "well", 1, overlap="buffer_one", overlap_key="desk")
    await life.after(1)
    await life.after(6)
    await life.make("replaced", "hold", 1, overlap="skip", overlap_key="desk")
    await life.make("newer", "fail 1", 2, overlap="terminate_other", overlap_key="desk", retry=retry)
    await life.make("newest", "well", 3, overlap="cancel_other", overlap_key="desk")
    for _ in range(3):
        await life.after(1)


async def circuits(life: Life) -> None:
    """A service fails until its circuit opens; trials fail and succeed, and a person resets it."""
    await life.did("circuit", life.service.set_circuit("mail", 2, 60))
    retry = {"backoff": "fixed", "delay": 60, "jitter": "none"}
    await life.make("fails", "fail 3", circuit_key="mail", retry=retry, max_attempts=9)
    await life.make("fails too", "never", 3, circuit_key="mail")
    for place in range(3):
        await life.make(f"waits {place}", "well", 3 + place, circuit_key="mail", misfire_grace_seconds=9999.0)
    for _ in range(9):
        await life.after(1)
    await life.make("fails again", "fail 9", circuit_key="mail", retry=retry, max_attempts=3)
    for _ in range(3):
        await life.after(1)
    await life.did("reset", life.service.reset_circuit("mail"))
    await life.after(1)


async def dependencies(life: Life) -> None:
    """One fails: those that depend on it wait, are cancelled, or depend on another from then on."""
    first = await life.make("first", "never")
    blocked = await life.make("blocked", "well", 2, depends_on=[{"task": first}])
    await life.make("cancels", "well", 2, depends_on=[{"task": first, "on_failure": "cancel"}])
    changed = await life.make("changed", "well", 2, depends_on=[{"task": first}])
    await life.after(1)
    await life.after(1)
    await life.did("edit", life.service.update_task(changed, depends_on=[{"task": blocked}]))
    await life.rerun("first", "well")
    await life.after(1)


async def inherited_priorities(life: Life) -> None:
    """Urgent tasks lend their priority to what they wait for: one ends, one is changed, one depends on another then."""
    base = await life.make("base", "well", 90, priority=1)
    middle = await life.make("middle", "well", 2, depends_on=[{"task": base}])
    for name, level in (("urgent", 9), ("hurried", 7), ("pressing", 8)):
        await life.make(name, "well", 3, priority=level, depends_on=[{"task": middle}])
    await life.after(3)
    await life.did("edit", life.service.update_task(life.ids["urgent"], priority=6))
    await life.did("edit", life.service.update_task(life.ids["pressing"], depends_on=[{"task": base}]))
    await life.cancel("pressing")
    await life.did("edit", life.service.update_task(base, priority=2))
    await life.after(87)
    await life.after(1)


async def deferrals(life: Life) -> None:
    """A handler puts its run off again and again; people put off another, one in the name of a thought."""
    await life.make("waits", "wait 2")
    await life.make("waits often", "wait 2", every=45)
    await life.make("put off", "well", 5)
    await life.defer("put off", 20)
    await life.defer("put off", 30, "a thought")
    for minutes in (1, 10, 10, 10, 15):
        await life.after(minutes)
    await life.cancel("waits often")


async def questions(life: Life) -> None:
    """Questions are asked by a handler and by people, asked again, answered, refused, and given up."""
    answered = await life.make("answered", "ask")
    refused = await life.make("refused", "ask")
    await life.make("given up", "ask")
    asked = await life.make("asked", "well", 50)
    await life.after(1)
    await life.service.ask_task(asked, "May it?", "ada", "40m", "escalate", escalate_to="bob")
    await life.answer(answered, "At noon, please.")
    await life.after(35)
    await life.answer(refused, "no")
    await life.after(6)
    await life.answer(asked, "yes")
    await life.after(40)


async def budgets(life: Life) -> None:
    """A lineage spends what it has, waits for more, and tries again what failed and was lost."""
    await life.make("root", "spawn well", every=10, thought="poor", budget=POOR, estimate={"tokens": 10})
    await life.after(10)
    await life.make("costly", "fail 1", thought="poor", retry=FIXED, estimate={"tokens": 5})
    await life.after(1)
    await life.after(1)
    for _ in range(3):
        await life.after(10)
    await life.set_budget("poor", runs=9)
    await life.after(10)


async def last_runs(life: Life) -> None:
    """Of what begins in one commit, one gets the last run: of claims with slots, of attempts, of lost ones."""
    await life.set_limit("desk", 2)
    for name in ("one", "other"):
        await life.make(name, "well", thought="last", budget={"runs": 1}, concurrency_key="desk")
    await life.after(1)
    for name in ("fails", "fails too"):
        await life.make(name, "fail 1", thought="again", budget={"runs": 3, "on_exhausted": "wait"}, retry=FIXED)
    await life.after(1)
    await life.after(1)
    await life.set_budget("again", runs=4)
    await life.after(1)


async def late_budgets(life: Life) -> None:
    """A lineage that is there already gets a budget, and is told of it in the name of its thought."""
    await life.make("grown", "spawn fail 9", every=10, thought="late")
    await life.after(10)
    await life.set_budget("late", runs=2)
    await life.after(10)
    await life.cancel("grown")


async def losses(life: Life) -> None:
    """Executions are lost with their process: they fail, are tried again, and find no run left for that."""
    await life.set_limit("desk", 5)
    budget = {"thought": "lost", "budget": {"runs": 5}, "estimate": {"tokens": 1}}
    await life.make("lost", concurrency_key="desk", **budget)
    await life.make("lost again", on_lost="retry", concurrency_key="desk", **budget)
    await life.make("lost twice", on_lost="retry", **budget)
    await life.make("lost thrice", on_lost="retry", **budget)
    await life.make("lost of many", every=1, concurrency_key="desk")
    life.clock.advance(timedelta(minutes=1))
    life.tell(now=to_ms(life.clock.now()))
    await life.lose("lost", "lost again", "lost twice", "lost thrice", "lost of many")
    await life.recover()


async def missed(life: Life) -> None:
    """Occurrences are found late, in a pause, before a change and at a cancellation."""
    for misfire in ("skip", "run_once", "run_all"):
        await life.make(misfire, every=10, misfire=misfire, misfire_limit=2)
    await life.after(45)
    paused, changed = life.ids["run_once"], life.ids["run_all"]
    until = life.clock.now() + timedelta(minutes=20)
    await life.did("pause", life.service.pause_task(paused, until, "Holidays"))
    await life.after(10)
    await life.did("edit", life.service.update_task(changed, name="Renamed"))
    await life.after(15)
    life.clock.advance(timedelta(minutes=25))
    life.tell(now=to_ms(life.clock.now()))
    await life.cancel("skip")
    await life.settle()


async def follow_ups(life: Life) -> None:
    """What was missed is followed up, and the follow-up too, until a bound or a quota has no room."""
    further = {"prompt": "well", "delay": "5m", "deadline": "1m"}
    wish = {**further, "follow_up": further}
    for name in ("late", "late too"):
        await life.make(name, every=10, misfire="skip", follow_up=wish, thought="late")
    await life.make("bounded", every=10, misfire="skip", follow_up="well", thought="poor", budget={"max_fan_out": 0})
    await life.after(25)
    await life.after(25)
    for key, most in (("open:origin:late", 2), ("open", 3)):
        await life.set_limit(key, most)
        await life.after(25)


async def halts(life: Life) -> None:
    """The scheduler is halted while one runs and others fall due; a new process is halted too, until the release."""
    await life.make("stopped", "hold")
    await life.make("in it", "well", 5)
    await life.make("often in it", "well", every=10, misfire="run_all")
    await life.after(1)
    await life.did("halt", life.service.halt("It writes to the wrong people.", stop_running=True))
    await life.after(25)
    await life.did("release", life.service.release("Mended."))
    await life.settle()
    await life.after(5)


async def urgent_slots(life: Life) -> None:
    """A rate lets a few begin: the others wait, the more urgent ones are served first."""
    await life.did("rate", life.service.set_limit("desk", 2, "2/minute", 1))
    for place in range(4):
        await life.make(f"urgency {place}", "well", concurrency_key="desk", priority=2 * place)
    for _ in range(3):
        await life.after(1)


async def unused_limits(life: Life) -> None:
    """A limit that was never set goes once nothing holds it, and comes again with a claim."""
    for name in ("seldom", "again"):
        await life.make(name, concurrency_key="seldom")
        await life.after(1)
        for _ in range(limits._PRUNED_EVERY):
            await life.service._graph().limits.refresh()


LIVES: Final[dict[str, Callable[[Life], Awaitable[None]]]] = {
    each.__name__: each
    for each in (
        retries,
        dead_letters,
        slots,
        overlaps,
        circuits,
        dependencies,
        inherited_priorities,
        deferrals,
        questions,
        budgets,
        last_runs,
        late_budgets,
        losses,
        missed,
        follow_ups,
        urgent_slots,
        halts,
        unused_limits,
    )
}
