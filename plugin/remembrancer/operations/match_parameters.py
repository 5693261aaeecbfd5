"""Parameters that tasks are found by: their name, tags, group, and a part of their texts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from remembrancer.model.constraints import LONGEST_NAME, MOST_WORDS

Word = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Name = Annotated[Word | None, Field(description="Only tasks of this name, exactly.")]
Tags = Annotated[
    tuple[Word, ...],
    Field(max_length=MOST_WORDS, description="Only tasks with this tag; several: with all."),
]
Group = Annotated[Word | None, Field(description="Only tasks of this group.")]
PartOfText = Annotated[
    Word | None, Field(description="Only tasks with this in their name, goal or prompt, in capital or small letters.")
]
