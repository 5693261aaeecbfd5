"""Lives under each policy whose connection to Neo4j breaks in commits, before the server hears of it, or after."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import policy_laws
import pytest
from bolt_proxy import BoltProxy, Cut
from policy_lives import LIVES, Life

if TYPE_CHECKING:
    from neo4j_server import Server

pytestmark = [pytest.mark.neo4j, pytest.mark.slow]
CUTS = {
    "before": [Cut.BEFORE, Cut.NOT, Cut.NOT],
    "after": [Cut.AFTER, Cut.NOT, Cut.NOT],
    "both": [Cut.BEFORE, Cut.NOT, Cut.NOT, Cut.AFTER, Cut.NOT],
}
"""What becomes of the commits of a life, again and again; what looks an outcome up is a commit too, and passes."""


@pytest.mark.parametrize("life", LIVES)
async def test_a_lost_answer_in_a_life_leaves_nothing_wrong(neo4j_server: Server, life: str) -> None:
    told: list[dict[str, Any]] = []
    cuts = list(CUTS.values())[list(LIVES).index(life) % len(CUTS)]
    async with BoltProxy(neo4j_server.graph) as proxy:
        played = Life(proxy.graph, lambda **line: told.append(line))
        await played.open()
        proxy.cuts = cycle(cuts)
        await LIVES[life](played)
        was_cut, proxy.cuts = proxy.cut, iter(())
        await played.settle()
        wrong = await policy_laws.wrong(played, told)
        await played.drain()
        wrong += await policy_laws.wrong(played, told, is_over=True)
        await played.service.close()

    assert wrong == []
    assert was_cut >= 2
