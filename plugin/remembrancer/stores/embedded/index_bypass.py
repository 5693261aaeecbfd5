"""Reads of the embedded graph around a damaged record: all of a label instead of its index, which leads into it.

An index goes on to name a record that the engine cannot give any more, and a query by that index fails whole. A scan
of the label's records leaves such a record out. It is slow, and asked for only once the fast way has failed.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphDamaged, GraphUnavailable
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.errors import plain_rows, translate_read_error

if TYPE_CHECKING:
    from pathlib import Path

    from remembrancer.stores.commits.statement import Row
    from remembrancer.stores.embedded.arcadedb import Database

_LOG: Final = logging.getLogger("remembrancer")
_BY_INDEX: Final = re.compile(r"^MATCH \((?P<name>\w+):(?P<label>\w+)\)\s*(?:USING INDEX SEEK[^\n]*\n)?\s*WHERE ")
_DAMAGE: Final = (
    *("RecordNotFound", "PageCorruption", "Invalid position", "Error on lookup of record", "Error on checking record"),
    *("Cannot find record type", "SerializationException", "BufferUnderflow", "ClassCastException", "Invalid pointer"),
)
"""How the engine says that a record, or its place in a page, makes no sense."""


class IndexBypass:
    """Answers what an index cannot, and tells once of each label what is left out.

    Args:
        database: Open.
        folder: The graph's folder, for messages.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._told: set[str] = set()

    def read(self, text: str, parameters: Row, fault: str) -> list[Row]:
        """Answer a reading query that has failed by *fault*, without the records that the engine cannot give.

        Raises:
            GraphDamaged: No record of its label can be read, or this query cannot leave one out.
            GraphUnavailable: The fault is another one.
        """
        if not any(each in fault for each in _DAMAGE):
            raise translate_read_error(fault)
        found = _BY_INDEX.match(text)
        if found is None:
            raise self._damaged(fault)
        whole = f"MATCH ({found['name']}:{found['label']}) WITH {found['name']} WHERE {text[found.end() :]}"
        try:
            self._tell(found["label"], fault)
            return plain_rows(self._database.query("opencypher", whole, parameters).to_list())
        except load_engine().ArcadeDBError as error:
            raise self._damaged(str(error)) from error

    def _tell(self, label: str, fault: str) -> None:
        """Log how many records of a label are left out; raise GraphDamaged if that is all of them."""
        if label in self._told:
            return
        sizes = f"SELECT count(*) AS size FROM {label}"  # noqa: S608 (a label of ours)
        (counted,) = self._database.query("sql", sizes, {}).to_list()
        (readable,) = self._database.query("sql", f"{sizes} WHERE @rid IS NOT NULL", {}).to_list()
        if counted["size"] and not readable["size"]:
            raise self._damaged(fault)
        self._told.add(label)
        if lost := max(0, counted["size"] - readable["size"]):
            _LOG.error(
                "The graph %s is damaged: %s of %s records labelled %s cannot be read, and are left out. %s",
                *(self._folder, f"{lost:,}", f"{counted['size']:,}", label, way_out(self._folder)),
            )

    def _damaged(self, fault: str) -> GraphUnavailable:
        return GraphDamaged(f"The graph {self._folder} is damaged: {fault}. {way_out(self._folder)}")


def way_out(folder: Path) -> str:
    """Return what to do with a damaged graph, in words."""
    return (
        f"`remembrancer check --repair --graph {folder}` makes the best of what is left; `remembrancer restore` makes "
        "a whole graph of a backup."
    )
