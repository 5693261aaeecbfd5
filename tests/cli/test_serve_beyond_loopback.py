"""`serve` beyond this machine: with TLS or behind a proxy that is named, and never with tokens in the open."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from remembrancer import TaskSchedulerService
from remembrancer.errors import InvalidInput
from remembrancer.surfaces.network import Network, read_network
from remembrancer.surfaces.rest import connections
from remembrancer.surfaces.rest.app import application
from remembrancer.surfaces.rest.proxies import BehindProxies
from remembrancer.surfaces.rest.server import RestServer

if TYPE_CHECKING:
    from conftest import Serve, Terminal

Certificate = tuple[str, str]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as missing:
        pytest.skip(f"NOT TESTED: openssl makes no certificate here ({missing})")
    return cert, key


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1"])
def test_an_open_address_without_protection_is_refused(terminal: Terminal, host: str) -> None:
    ran = terminal.apart("serve", "--host", host)
    said = " ".join(ran.err.split())

    assert ran.code == 2
    assert f"--host value {host} allowed 127.0.0.1 or ::1, unless tokens are protected" in said
    assert "--tls-cert" in said
    assert not (terminal.folder / "graph").exists(), "nothing was opened"


def test_an_open_address_with_protection_is_taken(certificate: Certificate) -> None:
    cert, key = certificate

    assert read_network("0.0.0.0", certificate=cert, key=key).url(8443) == "https://127.0.0.1:8443"
    assert read_network("::", proxies=["10.0.0.5"]).url(80) == "http://[::1]:80"
    assert read_network("localhost").url(80) == read_network("127.0.0.1").url(80)


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"host": "example.org"}, "--host"),
        ({"host": ""}, "--host"),
        ({"proxies": ["*"]}, "--proxy"),
        ({"proxies": ["0.0.0.0/0"]}, "--proxy"),
        ({"proxies": ["::/0"]}, "--proxy"),
        ({"proxies": ["0.0.0.0/1", "128.0.0.0/1"]}, "--proxy"),
        ({"proxies": ["::ffff:0:0/96"]}, "--proxy"),
        ({"proxies": ["10.0.0.1,"]}, "--proxy"),
        ({"proxies": ["10.0.0.1/8"]}, "--proxy"),
        ({"root_path": "/x"}, "--root-path"),
        ({"root_path": "x", "proxies": ["10.0.0.1"]}, "--root-path"),
        ({"root_path": "/x/", "proxies": ["10.0.0.1"]}, "--root-path"),
        ({"certificate": "cert.pem"}, "--tls-key"),
        ({"key": "key.pem"}, "--tls-cert"),
        ({"certificate": "none.pem", "key": "none.pem"}, "--tls-cert"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(choices: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_network(**choices)

    assert refused.value.field == field
    assert refused.value.example


@pytest.mark.parametrize("option", ["--host=127.0.0.2", "--rest-port=7999", "--proxy=10.0.0.1"])
def test_a_setting_of_an_api_that_is_off_is_refused(terminal: Terminal, option: str) -> None:
    ran = terminal.apart("serve", "--no-rest", "--no-bolt", option)

    assert (ran.code, option.split("=", maxsplit=1)[0] in ran.err) == (2, True)


@pytest.mark.slow
def test_the_api_speaks_tls_and_wants_a_token(terminal: Terminal, serve: Serve, certificate: Certificate) -> None:
    cert, key = certificate
    serving = serve("--no-bolt", "--tls-cert", cert, "--tls-key", key)
    token = terminal.json("token", "create", "--name", "mine", "--scope", "read")["token"]
    url = str(serving.beacon["rest_url"])
    tasks = f"{url}/v1/scheduler/tasks"
    trusting = ssl.create_default_context(cafile=cert)

    assert url.startswith("https://127.0.0.1:")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(tasks, timeout=60, context=trusting)
    assert refused.value.code == 401
    refused.value.close()
    asked = urllib.request.Request(tasks, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=60, context=trusting) as answer:
        assert json.loads(answer.read())["tasks"] == []
    with pytest.raises((OSError, httpx.HTTPError)):
        httpx.get(tasks.replace("https", "http"), timeout=60)


async def test_silent_tls_clients_keep_nobody_out(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 8)
    monkeypatch.setattr(connections, "HEAD_SECONDS", 3600.0)
    cert, key = certificate
    trusting = ssl.create_default_context(cafile=cert)
    async with TaskSchedulerService(":memory:") as service:
        server = RestServer(service, network=Network(certificate=cert, key=key))
        port = (await server.start()).port
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        async with httpx.AsyncClient(timeout=60, verify=trusting) as client:
            answer = await client.get(f"https://127.0.0.1:{port}{HEALTH}", timeout=60)
        for _, writer in silent:
            writer.close()
        await server.stop()

    assert answer.status_code == 200


def asking(app: Any, client: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(client, 12345))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


HEALTH = "/v1/scheduler/health"


@pytest.mark.parametrize(
    ("client", "status"),
    [("10.0.0.5", 200), ("10.1.2.3", 200), ("127.0.0.1", 200), ("10.0.0.6", 403), ("203.0.113.9", 403), ("", 403)],
)
async def test_without_tls_only_proxies_are_answered(client: str, status: int) -> None:
    async with TaskSchedulerService(":memory:") as service:
        app = BehindProxies(application(service), Network("0.0.0.0", proxies=("10.0.0.5", "10.1.0.0/16")))
        async with asking(app, client) as asked:
            answer = await asked.get(HEALTH, headers={"X-Forwarded-For": "10.0.0.5"})

    assert answer.status_code == status
    if status == 403:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_forwarded_headers_of_others_are_not_believed() -> None:
    seen: list[tuple[str, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["client"][0], scope["scheme"]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    for client in ("10.0.0.5", "127.0.0.1"):
        async with asking(BehindProxies(app, Network("0.0.0.0", proxies=("10.0.0.5",))), client) as asked:
            await asked.get("/", headers=headers)

    assert seen == [("203.0.113.9", "https"), ("127.0.0.1", "http")]


async def test_without_a_proxy_forwarded_headers_change_nothing() -> None:
    async with TaskSchedulerService(":memory:") as service:
        server = RestServer(service)

    assert server._server.config.proxy_headers is False


async def test_the_api_is_served_below_a_root_path() -> None:
    async with TaskSchedulerService(":memory:") as service:
        network = Network(proxies=("127.0.0.1",), root_path="/scheduler")
        server = RestServer(service, network=network)
        port = (await server.start()).port
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as asked:
            health = await asked.get(HEALTH)
            schema = (await asked.get("/v1/openapi.json")).json()
            wrong = await asked.delete(HEALTH)
        await server.stop()

    assert health.status_code == 200
    assert schema["servers"] == [{"url": "/scheduler"}]
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
