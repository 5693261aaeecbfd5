"""Hooks of mkdocs: diagrams as pictures in the page, the data dictionary from its package, and nothing from elsewhere.

A diagram is drawn by Mermaid itself, in a JavaScript engine within this process: the site needs no script for it and
no network, and a diagram that Mermaid does not understand fails the build.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import mermaidx
from mkdocs.exceptions import PluginError

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[2]
DICTIONARY: Final = ROOT / "graph_schema/remembrancer_schema/README.md"
_DIAGRAM: Final = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FROM_ELSEWHERE: Final = re.compile(
    r"""<(?:script|img|iframe)[^>]+src="?(https?:[^"\s>]+)|<link[^>]+stylesheet[^>]+(https?:\S+)"""
)
_CODE_IN_CELL: Final = re.compile(r"<t[dh]>.*?</t[dh]>", re.DOTALL)
_PLACE: Final = "mermaid-diagram-{}"
_PAGES: Final[dict[str, list[str]]] = {}
"""The pictures of each page, from when its Markdown was read to when its HTML is written."""


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Draw the diagrams of a page, and put the data dictionary where the page about the graph asks for it."""
    del config, files
    pictures: list[str] = []

    def drawn(found: re.Match[str]) -> str:
        name = f"diagram-{len(pictures)}"
        pictures.append(mermaidx.render(found[1]).svg().replace("my-svg", name))
        return f"<p>{_PLACE.format(len(pictures) - 1)}</p>"

    _PAGES[page.file.src_uri] = pictures
    if page.file.src_uri == "reference/graph.md":
        _, _, dictionary = DICTIONARY.read_text("utf-8").partition("\n")
        markdown = markdown.replace("<!-- the data dictionary -->", dictionary)
    return _DIAGRAM.sub(drawn, markdown)


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put the pictures where they belong, and show a bar in the code of a table as one.

    Markdown on GitHub needs a backslash before that bar and leaves it out; the site would show it.
    """
    del config, files
    html = _CODE_IN_CELL.sub(lambda found: found[0].replace("\\|", "|"), html)
    for place, picture in enumerate(_PAGES.pop(page.file.src_uri, [])):
        html = html.replace(f"<p>{_PLACE.format(place)}</p>", f'<div class="diagram">{picture}</div>')
    return html


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that loads anything from another host."""
    del config
    if found := _FROM_ELSEWHERE.search(output):
        raise PluginError(f"{page.file.src_uri} loads {found[1] or found[2]}: the site has to work without a network.")
    return output
