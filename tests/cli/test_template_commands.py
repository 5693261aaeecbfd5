"""Templates on the command line and over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from remembrancer import TaskSchedulerService
from remembrancer.surfaces.rest.app import application

if TYPE_CHECKING:
    from conftest import Desk

BASE = "http://127.0.0.1/v1/scheduler"
FILE = """
description = "A report"
[parameters]
topic = "text"
hour = { type = "number", default = 9 }
[task]
name = "Report on {topic}"
trigger_prompt = "Write about {topic}."
cron = "0 {hour} * * 1-5"
"""
SET = """
set: reports
tasks:
  sales:
    template: report
    with:
      topic: sales
      hour: HOUR
"""


def test_a_template_is_defined_used_shown_and_removed(desk: Desk) -> None:
    file = desk.folder / "report.toml"
    file.write_text(FILE)
    defined = desk("template", "define", str(file))
    again = desk.json("template", "define", str(file), "--version", "1")
    task = desk.json("schedule", "--template", "report", "--set", "topic=sales", "--set", "hour=10", "--tag", "a")
    own = desk.json("schedule", "Mine", "--template", "report", "--set", "topic=x", "--every", "2h")
    shown = desk("show", task["task_id"])

    assert "hour: number, by default 9" in defined.out
    assert (again["name"], again["version"]) == ("report", 1)
    assert (task["name"], task["schedule_cron"], task["tags"]) == ("Report on sales", "0 10 * * 1-5", ["a"])
    assert (own["name"], own["schedule_cron"]) == ("Mine", None)
    assert "report, version 1" in shown.out
    assert "topic, hour" in desk("template", "list").out
    assert "cron = 0 {hour} * * 1-5" in desk("template", "show", "report").out
    assert desk("template", "remove", "report").out == "Template report removed. Its tasks stay.\n"
    assert desk("template", "list").out == "No templates.\n"


def test_wrong_uses_of_a_template_are_refused(desk: Desk) -> None:
    file = desk.folder / "report.toml"
    file.write_text(FILE)
    desk("template", "define", str(file))
    for typed, told in (
        (["--template", "report"], "values.topic"),
        (["--template", "report", "--set", "topic"], "PARAMETER=VALUE"),
        (["--set", "topic=x", "Tea", "--every", "1h", "--prompt", "p"], "beside --template"),
        (["Tea", "--every", "1h"], "--prompt"),
        (["--every", "1h", "--prompt", "p"], "NAME"),
        (["--template", "reprt"], "report"),
    ):
        refused = desk("schedule", *typed)
        assert (refused.code, told in refused.err) == (2, True), typed
    file.write_text(FILE.replace("{topic}", "{topc}"))
    assert "report.toml parameters" in desk("template", "define", str(file)).err
    file.write_text("extra = 1")
    assert "one of name, description, parameters, task" in desk("template", "define", str(file)).err


def test_a_file_of_a_set_uses_a_template(desk: Desk) -> None:
    (desk.folder / "report.toml").write_text(FILE)
    desk("template", "define", str(desk.folder / "report.toml"))
    file = desk.folder / "set.yaml"
    file.write_text(SET.replace("HOUR", "many"))
    refused = desk("apply", str(file))
    file.write_text(SET.replace("HOUR", "7"))
    (applied,) = desk.json("apply", str(file))

    assert "set.yaml:8 tasks.sales.with.hour" in refused.err
    assert applied["tasks"][0]["name"] == "Report on sales"


async def test_templates_are_served_over_http() -> None:
    async with TaskSchedulerService(":memory:") as service:
        token = (await service.create_token("writer", "write")).token
        transport = httpx.ASGITransport(application(service))
        head = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=head) as client:
            task = {"trigger_prompt": "Write about {topic}", "every": "{wait}"}
            parameters = {"topic": "text", "wait": {"type": "duration", "default": "90m"}}
            made = await client.post("templates", json={"name": "report", "task": task, "parameters": parameters})
            sent = {"values": {"topic": "sales"}, "overrides": {"name": "Sales"}}
            used = await client.post("templates/report/tasks", json=sent, headers={"Idempotency-Key": "one"})
            again = await client.post("templates/report/tasks", json=sent, headers={"Idempotency-Key": "one"})
            wrong = await client.post("templates/report/tasks", json={"values": {"topic": 1}})
            removed = await client.post("templates/report/remove")
            gone = await client.get("templates/report")

    assert (made.status_code, made.json()["version"]) == (200, 1)
    assert (used.status_code, used.json()["name"], used.json()["template"]) == (201, "Sales", "report")
    assert again.json()["task_id"] == used.json()["task_id"]
    assert (wrong.status_code, "values.topic" in wrong.text) == (422, True)
    assert (removed.json(), gone.status_code) == (True, 422)
