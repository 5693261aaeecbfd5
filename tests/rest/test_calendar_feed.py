"""The calendar over HTTP: the text that `export ical` prints, as `text/calendar`."""

from __future__ import annotations

import httpx

from remembrancer import TaskSchedulerService
from remembrancer.surfaces.rest.app import application

PATH = "/v1/scheduler/calendar.ics"
SPAN = {"since": "2090-01-01T00:00:00Z", "until": "2090-01-03T00:00:00Z"}


async def test_the_calendar_is_what_the_export_gives() -> None:
    async with TaskSchedulerService(":memory:") as service:
        await service.schedule_task("Grüße", "goal", "prompt", "t", schedule_cron="0 9 1 1 *")
        token = (await service.create_token("reader", "read")).token
        transport, head = httpx.ASGITransport(application(service)), {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=head) as client:
            answer = await client.get(PATH, params={**SPAN, "history": "true"})
            refused = await client.get(PATH, params={"since": "tomorrow"})
            walls = {"since": "2090-01-01T01:00", "until": "2090-01-03T01:00", "timezone": "Europe/Berlin"}
            local = await client.get(PATH, params={**walls, "history": "true"})
            for path in ("/v1/scheduler/executions", "/v1/scheduler/audit"):
                asked = await client.get(path, params={"since": "2020-01-01T01:00", "timezone": "Europe/Berlin"})
                assert asked.status_code == 200, asked.text
            unknown = await client.get(PATH, params={"days": 3})
            document = (await client.get("/v1/openapi.json")).json()
            without = await client.get(PATH, headers={"Authorization": ""})
        exported = await service.export_calendar(**SPAN, history=True)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert _undated(answer.text) == _undated(exported)
    assert _undated(local.text) == _undated(answer.text)
    assert "SUMMARY:Grüße" in answer.text
    assert (refused.status_code, unknown.status_code, without.status_code) == (422, 422, 401)
    assert list(document["paths"][PATH]["get"]["responses"]["200"]["content"]) == ["text/calendar"]


def _undated(calendar: str) -> list[str]:
    """Return the lines but those of the time at which the calendar was made."""
    return [line for line in calendar.split("\r\n") if not line.startswith("DTSTAMP")]
