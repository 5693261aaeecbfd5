"""Secrets in the address of a graph: no error, log or answer shows a password, nor a value of the query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from remembrancer.bootstrap import open_store, shown
from remembrancer.errors import InvalidInput
from remembrancer.model.graph_name import is_address, without_secrets
from remembrancer.stores.neo4j.address import read_address

if TYPE_CHECKING:
    from conftest import Desk

SECRET = "hunter2"
BAD = [
    f"bolt://host?token={SECRET}",
    f"neo4j://host/one?database=two&token={SECRET}",
    f"neo4j://host/system?token={SECRET}",
    f"neo4j://host:port?token={SECRET}",
    f"neo4j://host:1?{SECRET}",
    f"neo4j://host:1?policy={SECRET}&policy={SECRET}",
    f"neo4j://host/one?database=two#{SECRET}",
    f"http://host/?password={SECRET}",
    f"neo4j://ada:my {SECRET}@host:port",
    f"neo4j://ada:{SECRET}?x@host:port",
    f"neo4j://ada:x#{SECRET}@host:port",
    f"neo4j://ada:{SECRET}",
    f"bolt://host?a=b@{SECRET}",
    f"bolt://host?{SECRET}@b",
    f"neo4j:host?password={SECRET}",
    f"neo4j+s:/ada:{SECRET}@host",
    f"BOLT:ada:{SECRET}@host",
]


@pytest.mark.parametrize("address", BAD)
@pytest.mark.parametrize("command", ["list", "status --json", "serve --json", "watch", "doctor", "copy"])
def test_a_refusal_shows_no_secret(desk: Desk, command: str, address: str) -> None:
    words = ["copy", address, "target"] if command == "copy" else [*command.split(), "--graph", address]
    ran = desk(*words)

    assert ran.code == 2
    assert SECRET not in ran.out + ran.err
    assert "db_path" in ran.err


@pytest.mark.parametrize("address", BAD)
async def test_an_error_in_process_shows_no_secret(address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await open_store(address)

    error: BaseException | None = refused.value
    while error:
        assert SECRET not in f"{error} {error!r} {vars(error)}"
        error = error.__cause__


def test_a_valid_address_is_shown_without_its_values() -> None:
    text = f"neo4j+s://ada:{SECRET}@host:7687/memory?policy={SECRET}&region=eu"
    address = read_address(text, {})

    assert address.uri == f"neo4j+s://host:7687?policy={SECRET}&region=eu"
    assert shown(text) == "neo4j+s://host:7687?policy=…&region=… (database memory)"
    assert SECRET not in f"{address} {address!r}"


def test_an_address_without_secrets_stays_as_it_is() -> None:
    for address in ("neo4j://host", "bolt://host:7688", "neo4j+ssc://[::1]:7687", "neo4j://graph.example:7687/memory"):
        assert without_secrets(address) == address
        assert is_address(address)


@pytest.mark.parametrize("folder", ["./graph", "/srv/graph", "C:\\graph", "graph:1", "bolts: my graph", ":memory:"])
def test_a_folder_is_no_address(folder: str) -> None:
    assert not is_address(folder)
