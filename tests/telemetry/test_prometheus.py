"""What Prometheus scrapes, for real, and the alerts over it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
import warnings
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from remembrancer import Failed, TaskSchedulerService
from remembrancer.operations.diagnostics.remedies import REMEDIES
from remembrancer.surfaces.otel.prometheus import MetricsServer, PrometheusExporter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from remembrancer import Firing
    from remembrancer.testing import VirtualClock

HOUR = timedelta(hours=1)
RULES = files("remembrancer.surfaces.otel").joinpath("alerts.yml").read_text("utf-8")
SUFFIXES = ("_bucket", "_count", "_sum", "_total", "")
INSTANCE = "127.0.0.1:9464"


def answer(firing: Firing) -> object:
    return Failed("No") if firing.task.name == "bad" else "done"


@pytest.fixture
async def served(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[tuple[TaskSchedulerService, str]]:
    """A scheduler that has fired, failed, missed and deferred, and the address of its metrics."""
    exposition = PrometheusExporter()
    graph = tmp_path / "graph"
    service = TaskSchedulerService(graph, clock, 7200, handler=answer, instruments=exposition.instruments)
    async with service:
        server = MetricsServer(exposition, service)
        address = f"http://127.0.0.1:{(await server.start()).port}"
        for name in ("good", "bad"):
            await service.schedule_task(name, "g", "p", "thought", clock.now() + HOUR)
        await service.schedule_task("hourly", "g", "p", "thought", schedule_cron="0 * * * *", misfire="skip")
        clock.advance(HOUR)
        await ended(service, 3)
        clock.advance(2 * HOUR)
        await ended(service, 5)
        yield service, address
        await server.stop()


async def ended(service: TaskSchedulerService, count: int) -> None:
    async with asyncio.timeout(120):
        while sum(each.status != "running" for each in await service.history()) < count:  # noqa: ASYNC110 (asked of the graph)
            await asyncio.sleep(0.01)


async def scraped(address: str) -> str:
    async with httpx.AsyncClient(timeout=60) as client:
        answered = await client.get(f"{address}/metrics")
    assert answered.status_code == 200
    assert answered.headers["content-type"].startswith("text/plain")
    return answered.text


def samples(text: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


async def test_a_scrape_reports_past_events_and_the_graph_now(
    served: tuple[TaskSchedulerService, str], clock: VirtualClock
) -> None:
    service, address = served
    before = samples(await scraped(address))
    await service.schedule_task("late", "g", "p", "thought", clock.now() + HOUR)
    after = samples(await scraped(address))

    outcomes: Counter[str] = Counter()
    for each in before["scheduler_executions_total"]:
        outcomes[each.labels["scheduler_outcome"]] += int(each.value)
    assert outcomes["failed"] == 1
    assert outcomes["missed"] == 1
    assert before["scheduler_executions_limit"][0].value == 2000
    assert (before["scheduler_tasks_open"][0].value, after["scheduler_tasks_open"][0].value) == (1, 2)
    assert before["scheduler_loop_running"][0].value == 1
    assert before["scheduler_due_backlog"][0].value == 0
    assert before["scheduler_disk_free_bytes"][0].value > 0


async def test_there_is_nothing_else_at_that_port(served: tuple[TaskSchedulerService, str]) -> None:
    _, address = served

    def ask() -> int:
        try:
            urllib.request.urlopen(f"{address}/", timeout=60)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code
        return 0

    assert await asyncio.to_thread(ask) == 404


async def test_it_mounts_in_somebodys_application(clock: VirtualClock) -> None:
    exposition = PrometheusExporter()
    async with TaskSchedulerService(":memory:", clock, instruments=exposition.instruments) as service:
        app = FastAPI()
        app.mount("/metrics", exposition.app(service))
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app", follow_redirects=True) as client:
            got = await client.get("/metrics")
            posted = await client.post("/metrics/")
    exposition.close()

    assert (got.status_code, posted.status_code) == (200, 405)
    assert "scheduler_tasks_open 0.0" in got.text


async def test_every_metric_and_label_that_a_rule_names_is_scraped(served: tuple[TaskSchedulerService, str]) -> None:
    service, address = served
    (task,) = await service.get_scheduled_tasks()
    await service.defer_task(task.task_id, "2026-03-09T00:00:00Z", "Not now")
    service._instruments.recovered([lost_one(await service.history())])
    known = samples(await scraped(address))
    rules = [rule for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]]
    labels = {name: {key for each in known[name] for key in each.labels} | {"instance", "le"} for name in known}

    assert sorted(rule["labels"]["check"] for rule in rules) == sorted(REMEDIES)
    for rule in rules:
        named = re.findall(r"\b((?:scheduler|process)_\w+)(?:\{(.*?)\})?", rule["expr"])
        metrics = [(name, matched) for name, matched in named if name != "scheduler_outcome"]
        assert metrics, rule["alert"]
        for name, matched in metrics:
            assert name in known, f"{rule['alert']}: {name} is not scraped"
            assert set(re.findall(r"(\w+)=~?\"", matched)) <= labels[name], rule["alert"]
            counts = "rate(" in rule["expr"] or "increase(" in rule["expr"]
            assert counts or not name.endswith(("_total", "_bucket", "_sum", "_count")), rule["alert"]


def lost_one(history: list[Any]) -> Any:
    from remembrancer.model.execution import ExecutionStatus, Reason
    from remembrancer.ports.writes import Settlement

    one = history[0]
    return Settlement(one, ExecutionStatus.FAILED, one.triggered_at, 0.0, Reason.LEASE_EXPIRED)


async def test_each_alert_and_the_page_use_the_words_of_the_doctor() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guides" / "monitoring.md").read_text("utf-8")
    rules = [rule for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]]
    told = {
        rule["labels"]["check"]: (rule["annotations"]["description"], rule["annotations"]["runbook"]) for rule in rules
    }

    assert told == REMEDIES
    for check, (_, what_to_do) in REMEDIES.items():
        assert f"| `{check}` | {what_to_do} |" in page


@dataclass(frozen=True)
class Scene:
    """What the metrics named, as scraped, do from minute to minute instead of standing still, or are *gone*."""

    check: str | None
    """Whose alert, and no other, it sets off."""
    moves: dict[str, str] = field(default_factory=dict[str, str])
    gone: str = "(?!)"


SCENES = {
    "well": Scene(None),
    "handlers fail": Scene("executions", {"scheduler_executions_total{.*failed": "0+1x120"}),
    "occurrences are missed": Scene("drift", {"scheduler_executions_total{.*missed": "0+1x120"}),
    "one is missed, the first": Scene("drift", {"scheduler_executions_total{.*cron.*missed": "0x92 1x28"}),
    "runs begin late": Scene(
        "drift",
        {
            r"scheduler_trigger_delay_seconds_bucket{.*le=\"(15|60|300|3600)\.0\"": "0+1x120",
            r"scheduler_trigger_delay_seconds_bucket{.*Inf": "0+1x120",
        },
    ),
    "the process grows": Scene("memory", {"process_memory_usage_bytes": "2000000000x120"}),
    "the disk fills": Scene("database", {"scheduler_disk_free_bytes": "1x120"}),
    "the graph errs": Scene("database", {"scheduler_database_errors_total": "0x92 3x28"}),
    "expressions are refused": Scene("cron", {"scheduler_cron_refused_total": "0+1x120"}),
    "the checker died": Scene("service", {"scheduler_loop_running": "0x120"}),
    "looks fail": Scene("service", {"scheduler_ticks_failed_total": "0+1x120"}),
    "looks are late": Scene("service", {"scheduler_tick_age_seconds": "8000x120"}),
    "looks are missed": Scene("service", {"scheduler_ticks_missed_total": "0+1x120"}),
    "the process died": Scene("service", gone=".*"),
    "tasks are put off": Scene("deferrals", {"scheduler_deferrals_total": "0+2x120"}),
    "tasks are put off, and nothing else was ever done": Scene(
        "deferrals", {"scheduler_deferrals_total": "0+2x120"}, gone="scheduler_executions_total{.*(completed|failed)"
    ),
    "work piles up": Scene("performance", {"scheduler_due_age_seconds": "90x120"}),
    "handlers take longer": Scene(
        "performance",
        {
            "scheduler_handler_duration_seconds_count{.*completed": "0+1x120",
            "scheduler_handler_duration_seconds_sum{.*completed": "0+1x80 80+30x40",
        },
    ),
    "dead letters become more": Scene("executions", {r"scheduler_dead_letters{": "0+1x120"}),
    "a task has waited for a day": Scene("limits", {"scheduler_tasks_waiting_longest_seconds": "90000x120"}),
    "many handlers run": Scene("limits", {"scheduler_executions_running": "1900x120"}),
    "leases run out": Scene("integration", {"scheduler_leases_overdue": "1x120"}),
    "leases are taken over": Scene("integration", {"scheduler_lease_recoveries_total": "0x92 1x28"}),
    "a thought is refused": Scene("integration", {"scheduler_thoughts_refused_total": "0x92 1x28"}),
    "clocks disagree": Scene("integration", {"scheduler_clock_offset_seconds": "-2x120"}),
}


def series(known: dict[str, list[Any]], scene: Scene) -> list[dict[str, str]]:
    """The scrape as promtool takes it: every sample for two hours."""
    found: list[dict[str, str]] = []
    for name, several in known.items():
        for sample in several:
            labels = {**sample.labels, "instance": INSTANCE}
            told = f"{name}{{{', '.join(f'{key}={json.dumps(value)}' for key, value in labels.items())}}}"
            values = next((values for it, values in scene.moves.items() if re.match(it, told)), f"{sample.value}x120")
            if not re.match(scene.gone, told):
                found.append({"series": told, "values": values})
    return found


@pytest.mark.slow
async def test_each_alert_fires_for_its_cause_and_none_in_good_health(
    served: tuple[TaskSchedulerService, str], tmp_path: Path
) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        warning = "PROMTOOL IS NOT HERE: NO ALERT WAS EVALUATED (it comes with Prometheus; .ci/run fetches it)"
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.warn(warning, stacklevel=1)
        pytest.skip(warning)
    _, address = served
    known = samples(await scraped(address))
    (tmp_path / "alerts.yml").write_text(RULES)
    rules = {rule["labels"]["check"]: rule for group in yaml.safe_load(RULES)["groups"] for rule in group["rules"]}
    tests = [judged(name, series(known, scene), rules, scene.check) for name, scene in SCENES.items()]
    (tmp_path / "tests.yml").write_text(
        json.dumps({"rule_files": ["alerts.yml"], "evaluation_interval": "1m", "tests": tests})
    )
    checked = await asyncio.to_thread(ask, promtool, "check", "alerts.yml", tmp_path)
    ran = await asyncio.to_thread(ask, promtool, "test", "tests.yml", tmp_path)

    assert {scene.check for scene in SCENES.values()} == {*REMEDIES, None}
    assert (checked.returncode, "10 rules found" in checked.stdout) == (0, True), checked.stderr
    assert ran.returncode == 0, ran.stdout + ran.stderr


def ask(promtool: str, what: str, file: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, what, "rules", file], cwd=folder, capture_output=True, text=True, check=False)


def judged(name: str, scrape: list[dict[str, str]], rules: dict[str, Any], bad: str | None) -> dict[str, Any]:
    """A test for promtool, by the number of alerts that fire: of each rule none, of the *bad* one's one."""
    expected = [
        {
            "expr": f'count(ALERTS{{alertname="{rule["alert"]}", alertstate="firing"}}) or vector(0)',
            "eval_time": "100m",
            "exp_samples": [{"labels": "{}", "value": int(check == bad)}],
        }
        for check, rule in rules.items()
    ]
    return {"name": name, "interval": "1m", "input_series": scrape, "promql_expr_test": expected}
