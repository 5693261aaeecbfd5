"""Options of `serve` that are wrong, or against one another: refused at once, and nothing is opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Desk

WRONG_HOSTS = (
    *(
        "",
        "http://a.example",
        "a.example:8080",
        "a.example/x",
        "*.example",
        "a b",
        "-a.example",
        "a..example",
        "300.1.1.1",
    ),
    *("a,b", "x" * 64, "a\u200bb.example", "\x1b[31m"),
)
CONFLICTS = (
    (("--no-rest", "--host", "0.0.0.0"), "--host"),
    (("--no-rest", "--host", "localhost"), "--host"),
    (("--no-rest", "--rest-port", "8080"), "--rest-port"),
    (("--no-rest", "--tls-cert", "cert.pem"), "--tls-cert"),
    (("--no-rest", "--tls-key", "key.pem"), "--tls-key"),
    (("--no-rest", "--proxy", "10.0.0.5"), "--proxy"),
    (("--no-rest", "--root-path", "/x"), "--root-path"),
    (("--no-rest", "--allowed-host", "a.example"), "--allowed-host"),
    (("--no-bolt", "--bolt-port", "7687"), "--bolt-port"),
    (("--rest-port", "8080", "--metrics-port", "8080"), "--metrics-port"),
    (("--rest-port", "8080", "--bolt-port", "8080"), "--bolt-port"),
)


@pytest.mark.parametrize("host", WRONG_HOSTS)
def test_a_wrong_allowed_host_is_refused_at_once(desk: Desk, host: str) -> None:
    refused(desk, ("--allowed-host", host), "--allowed-host")


@pytest.mark.parametrize(("options", "field"), CONFLICTS)
def test_options_without_a_meaning_are_refused_at_once(desk: Desk, options: tuple[str, ...], field: str) -> None:
    refused(desk, options, field)


@pytest.mark.parametrize("days", ["-1d", "x"])
def test_a_wrong_time_to_keep_is_refused_at_once(desk: Desk, days: str) -> None:
    refused(desk, (f"--retention={days}",), "--retention")


def refused(desk: Desk, options: tuple[str, ...], field: str) -> None:
    ran = desk("serve", "--json", *options)

    assert (ran.code, ran.out) == (2, "")
    assert json.loads(ran.err)["error"]["field"] == field
    assert json.loads(ran.err)["error"]["example"] is not None
    assert not (desk.folder / "graph").exists()
