"""The address of a graph on a server is read as it is meant, and its secrets are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from remembrancer.errors import InvalidInput
from remembrancer.stores.neo4j.address import Address, is_address, read_address

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2"

READ = {
    "bolt://host": Address("bolt://host"),
    "bolt://host:7688": Address("bolt://host:7688"),
    " neo4j+s://host:7687/ ": Address("neo4j+s://host:7687"),
    "neo4j+ssc://[::1]:7687/memory": Address("neo4j+ssc://[::1]:7687", "memory"),
    "bolt+s://host?database=memory": Address("bolt+s://host", "memory"),
    "bolt+ssc://host/memory?database=memory": Address("bolt+ssc://host", "memory"),
    "neo4j://host/memory?policy=near&database=memory": Address("neo4j://host?policy=near", "memory"),
    f"bolt://ada:{SECRET}@host/memory": Address("bolt://host", "memory", "ada", SECRET),
    "bolt://ada%40home:a%2Fb%40c%3A@host": Address("bolt://host", None, "ada@home", "a/b@c:"),
    f"bolt://:{SECRET}@host": Address("bolt://host", None, "neo4j", SECRET),
}


@pytest.mark.parametrize("text", READ)
def test_a_uri_says_where_the_graph_is_and_who_may_enter(text: str) -> None:
    assert read_address(text, {}) == READ[text]


WRONG = [
    f"http://ada:{SECRET}@host",
    f"bolt://ada:{SECRET}@",
    f"bolt://ada:{SECRET}@host:port",
    f"bolt://ada:{SECRET}@host:99999",
    f"bolt://ada:{SECRET}/x@host",
    f"bolt://ada:12/{SECRET}@host",
    f"bolt://ada:{SECRET}@host?policy=near",
    f"neo4j://ada:{SECRET}@host/one?database=two",
    f"neo4j://ada:{SECRET}@host/system",
    f"neo4j://ada:{SECRET}@[host",
    "bolt://",
    "://",
]


@pytest.mark.parametrize("text", WRONG)
def test_a_malformed_uri_is_refused_without_its_secret(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"db_path=.*Example") as refused:
        read_address(text, {})

    error: BaseException | None = refused.value
    assert isinstance(error, InvalidInput)
    assert SECRET not in str(error.value)
    while error:
        assert SECRET not in repr(error)
        error = error.__cause__


def test_no_form_of_an_address_shows_its_password() -> None:
    address = read_address(f"neo4j://ada:{SECRET}@host/memory", {})

    assert SECRET not in f"{address} {address!r}"
    assert str(address) == "neo4j://host (database memory)"


def test_our_variables_win_over_those_of_neo4j(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("from a file\n")
    theirs = {"NEO4J_USERNAME": "bob", "NEO4J_PASSWORD": "theirs"}
    in_file = {**theirs, "REMEMBRANCER_NEO4J_PASSWORD_FILE": str(tmp_path / "password")}
    ours = {**in_file, "REMEMBRANCER_NEO4J_USER": "ada", "REMEMBRANCER_NEO4J_PASSWORD": "ours"}

    def login(text: str, environment: dict[str, str]) -> tuple[str | None, str | None]:
        address = read_address(text, environment)
        return address.user, address.password

    assert login("bolt://host", {}) == (None, None)
    assert login("bolt://host", {"NEO4J_PASSWORD": "theirs"}) == ("neo4j", "theirs")
    assert login("bolt://host", theirs) == ("bob", "theirs")
    assert login("bolt://host", {**theirs, "NEO4J_USER": "eve"}) == ("eve", "theirs")
    assert login("bolt://host", in_file) == ("bob", "from a file")
    assert login("bolt://host", ours) == ("ada", "ours")
    assert login("bolt://mary:hers@host", ours) == ("mary", "hers")
    assert login("bolt://mary@host", ours) == ("mary", "ours")


def test_a_password_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "no-such-file")
    with pytest.raises(InvalidInput, match=r"REMEMBRANCER_NEO4J_PASSWORD_FILE=.*no-such-file"):
        read_address("bolt://host", {"REMEMBRANCER_NEO4J_PASSWORD_FILE": missing})


def test_a_folder_is_no_address() -> None:
    assert [is_address(graph) for graph in ("./graph", ":memory:", "bolt:", "neo4j://host")] == [
        False,
        False,
        False,
        True,
    ]
