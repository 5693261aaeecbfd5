"""The default handler: a firing task creates the thought that it was scheduled to create."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remembrancer.model.handler_result import Done, Thought
from remembrancer.model.ids import new_id
from remembrancer.model.timestamps import to_ms

if TYPE_CHECKING:
    from remembrancer.ports.handler import Firing


async def create_thought(firing: Firing) -> Done:
    """Return a new thought whose content is the trigger prompt."""
    thought_id = new_id("thought", to_ms(firing.execution.triggered_at))
    return Done(thought=Thought(thought_id, firing.trigger_prompt))
