"""A run as an agent hears of it: a JSON object with the fields that claimed work has, and the conversation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from remembrancer.surfaces.jsonable import to_jsonable

if TYPE_CHECKING:
    from remembrancer.ports.handler import Firing


def message_of(firing: Firing) -> dict[str, object]:
    """Return what an agent is woken with."""
    return {
        "prompt": firing.trigger_prompt,
        "session": firing.session,
        "answer": to_jsonable(firing.answer),
        "execution": to_jsonable(firing.execution),
        "task": to_jsonable(firing.task),
        "dependencies": to_jsonable(firing.dependencies),
    }


def message_in_json(firing: Firing) -> str:
    """Return it as JSON text, in one line."""
    return json.dumps(message_of(firing), ensure_ascii=False)
