"""The streams that commands print on: what one of them cannot carry is written as an escape, and is no error."""

from __future__ import annotations

import codecs
import json
import sys
from typing import Final

_ESCAPE: Final = "remembrancer.escape"


def escape_the_rest() -> None:
    r"""Write what stdout or stderr cannot encode as `\u00fc`: so JSON stays JSON, and tables can be read."""
    codecs.register_error(_ESCAPE, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors=_ESCAPE)


def _escaped(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    return json.dumps(fault.object[fault.start : fault.end])[1:-1], fault.end
