"""Reads of the embedded graph around a damaged record: by a scan of the label instead of its index.

An index still refers to a record that the engine can no longer read, and a query by that index fails as a whole. A
scan of the label's records omits such a record. It is slow, and used only after the query by index has failed.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Final

from remembrancer.errors import GraphDamaged, GraphUnavailable
from remembrancer.stores.embedded.arcadedb import load_engine
from remembrancer.stores.embedded.errors import python_rows, translate_read_error

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
"""The engine's messages for an unreadable record, or an invalid position in a page."""


class IndexBypass:
    """Runs queries that an index cannot, and logs once for each label how many records are omitted.

    Args:
        database: Open.
        folder: The graph's folder, for messages.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._logged: set[str] = set()

    def read(self, text: str, parameters: Row, fault: str) -> list[Row]:
        """Run a reading query that has failed by *fault*, without the records that the engine cannot read.

        Raises:
            GraphDamaged: No record of its label is readable, or this query cannot omit one.
            GraphUnavailable: The fault has another cause.
        """
        if not any(each in fault for each in _DAMAGE):
            raise translate_read_error(fault)
        found = _BY_INDEX.match(text)
        if found is None:
            raise self._damaged(fault)
        whole = f"MATCH ({found['name']}:{found['label']}) WITH {found['name']} WHERE {text[found.end() :]}"
        try:
            self._log_omitted(found["label"], fault)
            return python_rows(self._database.query("opencypher", whole, parameters).to_list())
        except load_engine().ArcadeDBError as error:
            raise self._damaged(str(error)) from error

    def _log_omitted(self, label: str, fault: str) -> None:
        """Log how many records of a label are omitted; raise GraphDamaged if all are."""
        if label in self._logged:
            return
        sizes = f"SELECT count(*) AS size FROM {label}"  # noqa: S608 (a label of ours)
        (counted,) = self._database.query("sql", sizes, {}).to_list()
        (readable,) = self._database.query("sql", f"{sizes} WHERE @rid IS NOT NULL", {}).to_list()
        if counted["size"] and not readable["size"]:
            raise self._damaged(fault)
        self._logged.add(label)
        if lost := max(0, counted["size"] - readable["size"]):
            _LOG.error(
                "The graph %s is damaged: %s of %s records labelled %s cannot be read, and are omitted. %s",
                *(self._folder, f"{lost:,}", f"{counted['size']:,}", label, way_out(self._folder)),
            )

    def _damaged(self, fault: str) -> GraphUnavailable:
        return GraphDamaged(f"The graph {self._folder} is damaged: {fault}. {way_out(self._folder)}")


def way_out(folder: Path) -> str:
    """Return the remedy for a damaged graph, as a sentence."""
    return (
        f"`remembrancer check --repair --graph {folder}` repairs what can be repaired; `remembrancer restore` restores "
        "a backup."
    )
