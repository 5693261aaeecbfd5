"""Whatever is sent to the API, it answers as its OpenAPI document says; `make fuzz` sends more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from remembrancer import TaskSchedulerService
from remembrancer.surfaces.rest import security
from remembrancer.surfaces.rest.server import RestServer

if TYPE_CHECKING:
    from collections.abc import Iterator

A_FEW = 5
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", str(A_FEW)))


def wrong_requests_are_refused(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> bool | None:
    """Hold this of what was really sent: an unknown parameter whose value is an empty list is not."""
    known = {parameter.name for parameter in case.operation.query}
    sent = parse_qs(urlsplit(str(response.request.url)).query, keep_blank_values=True)
    if not set(case.query) <= known and sent.keys() <= known:
        return None
    return negative_data_rejection(context, response, case)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    wrong_requests_are_refused,
    ignored_auth,
]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    """The address of an API that a scheduler serves in a thread of its own, and a token that opens all of it."""
    found: list[tuple[str, str]] = []
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with TaskSchedulerService(":memory:") as service:
            server = RestServer(service)
            port = (await server.start()).port
            made = await service.create_token("fuzz", "admin")
            found.append((f"http://127.0.0.1:{port}", made.token))
            ready.set()
            await asyncio.to_thread(done.wait)
            await server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(120)
    yield found[0]
    done.set()
    thread.join()


@pytest.fixture(scope="module", autouse=True)
def _as_fast_as_it_goes() -> Iterator[None]:
    """The limit on the rate has a test of its own."""
    patch = pytest.MonkeyPatch()
    patch.setattr(security, "BURST", 1e9)
    yield
    patch.undo()


def test_every_answer_is_as_the_document_says(served: tuple[str, str]) -> None:
    address, token = served
    document = schemathesis.openapi.from_url(f"{address}/v1/openapi.json")
    ending = document.exclude(path="/v1/scheduler/events")  # the endless one has tests of its own
    operations = [found.ok() for found in ending.get_all_operations()]

    for operation in operations:
        for mode in GenerationMode:
            fuzz(operation.as_strategy(generation_mode=mode), {"Authorization": f"Bearer {token}"})
    assert len(operations) == 84


def fuzz(cases: Any, head: dict[str, str]) -> None:
    """Send some cases, each of which must be answered as documented."""

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=EXAMPLES == A_FEW
    )
    @given(case=cases)
    def send(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=head, checks=CHECKS)

    with contextlib.suppress(Unsatisfiable):  # a request without any input cannot be a wrong one
        send()
