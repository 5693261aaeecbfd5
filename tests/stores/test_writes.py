"""Specs of writes: each writing query of the catalogue has one, and its rows hold what the query reads."""

from __future__ import annotations

import re
from typing import is_typeddict

import pytest

from remembrancer.stores.commits.lanes import ACT, CLAIM, IDLE, SETTLE, UPKEEP, Kind
from remembrancer.stores.commits.statement import Statement
from remembrancer.stores.commits.writes import RECURRENT, SPECS, WRITES, is_urgent, kind_of
from remembrancer_schema.catalog import queries

WRITING = re.compile(r"\b(?:SET|CREATE|MERGE|DELETE|REMOVE)\b")
TEXTS = {each.name: each.text for each in queries().values() if "$rows" in each.text}


def write(*names: str) -> list[Statement]:
    return [Statement(name, []) for name in names]


def test_every_writing_query_has_a_spec_and_every_spec_a_query() -> None:
    assert WRITES.keys() == TEXTS.keys()
    assert SPECS.keys() == {queries()[name].written for name in TEXTS}


def test_queries_that_write_take_rows_but_for_the_marker() -> None:
    others = [each.name for each in queries().values() if each.name not in TEXTS and WRITING.search(each.text)]
    assert others == ["set_graph_version"]  # a migration writes it, before there is a store


@pytest.mark.parametrize("name", TEXTS)
def test_rows_have_every_property_that_their_query_reads(name: str) -> None:
    row = WRITES[name].row
    assert is_typeddict(row)
    assert {*re.findall(r"\br\.(\w+)", TEXTS[name])} - {"row", *row.__annotations__} == set()


@pytest.mark.parametrize("name", SPECS)
def test_a_write_has_events_or_says_why_it_is_silent(name: str) -> None:
    assert (SPECS[name].events is None) == bool(SPECS[name].silent)


@pytest.mark.parametrize("name", SPECS)
def test_the_identity_of_a_write_is_in_its_rows(name: str) -> None:
    assert SPECS[name].identity in {None, *SPECS[name].row.__annotations__}


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        (write(), IDLE),
        (write("claim_executions", "acquire_leases"), CLAIM),
        (write("record_outcomes", "end_deferrals"), CLAIM),
        (write("release_leases"), CLAIM),
        (write("record_outcomes", "defer_tasks"), ACT),
        (write("settle_executions", "record_outcomes"), SETTLE),
        (write("create_tasks", "record_deferrals", "create_zone_rules"), ACT),
        (write("rearm_tasks", "shorten_missed"), UPKEEP),
        (write("put_nodes_of_time", "write_copy_progress"), ACT),
    ],
)
def test_a_write_is_of_the_kind_of_its_first_statement(statements: list[Statement], kind: Kind) -> None:
    assert kind_of(statements) is kind


def test_only_a_write_of_urgent_statements_alone_is_urgent() -> None:
    assert is_urgent(write("renew_leases"))
    assert not is_urgent(write("renew_leases", "acquire_leases"))
    assert not is_urgent(write())


def test_writes_that_a_fire_makes_are_planned_ahead() -> None:
    assert {"claim_executions", "acquire_leases", "settle_executions", "release_leases", "write_statistics"} <= {
        *RECURRENT
    }
