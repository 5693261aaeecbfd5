"""A graph knows a token by its digest, for as long as nobody has revoked it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from remembrancer.context import CURRENT_ACTOR, Actor
from remembrancer.errors import InvalidInput
from remembrancer.model.token import Scope
from remembrancer.operations.tokens import TokenService
from remembrancer.ports.audit_log import AuditRange

if TYPE_CHECKING:
    from remembrancer.ports.graph import Graph
    from remembrancer.testing import VirtualClock


async def test_a_token_is_known_until_it_is_revoked(store: Graph, clock: VirtualClock) -> None:
    admittance = TokenService(store.tokens, clock)
    made = await admittance.create("ada", "write")
    assert made.scope.covers(Scope.READ)
    assert not made.scope.covers(Scope.ADMIN)
    known = await admittance.admit(made.token)
    assert known
    assert (known.name, known.scope, known.created_at) == ("ada", Scope.WRITE, clock.now())
    assert await admittance.admit(made.token + "x") is None
    clock.advance(timedelta(days=1))

    CURRENT_ACTOR.set(Actor("cli", "grace"))

    assert [await admittance.revoke(name) for name in ("ada", "ada", "nobody")] == [True, False, False]
    assert await admittance.admit(made.token) is None
    assert [token.revoked_at for token in await admittance.all()] == [clock.now()]
    trail = [
        (each.action, each.surface, each.actor, each.task_id, each.before, each.after)
        for each in await store.audit.entries(AuditRange())
    ]
    assert trail == [
        ("create_token", "service", None, None, None, {"name": "ada", "scope": "write"}),
        (
            "revoke_token",
            "cli",
            "grace",
            None,
            {"name": "ada", "revoked_at": None},
            {"name": "ada", "revoked_at": "2026-03-03T09:00:00Z"},
        ),
    ]


@pytest.mark.parametrize(
    ("name", "scope", "field"),
    [("ada", "read", "name"), ("", "read", "name"), ("a\nb", "read", "name"), ("bob", "root", "scope")],
)
async def test_a_token_needs_a_name_of_its_own_and_a_scope(
    store: Graph, clock: VirtualClock, name: str, scope: str, field: str
) -> None:
    admittance = TokenService(store.tokens, clock)
    await admittance.create("ada", "read")
    with pytest.raises(InvalidInput) as refused:
        await admittance.create(name, scope)

    assert refused.value.field == field
    assert len(await admittance.all()) == len(await store.audit.entries(AuditRange())) == 1
