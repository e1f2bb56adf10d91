"""The runbook as pages of the admin server: where every alert leads unless a site serves it elsewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from monitor.web.page import environment

PATH = "/runbooks"
INDEX = "README"
_FOLDER = Path(__file__).parent
_NAME = re.compile(r"[A-Za-z]{1,64}\Z", re.ASCII)


@cache
def render_runbook(name: str) -> str | None:
    """The page of an alert, or of `README` the list of all; None where there is none of this name.

    Its headings have their own text in small letters as anchors, as `runbook_url` names them.
    """
    file = _FOLDER / f"{name}.md"
    if not _NAME.match(name) or not file.is_file():
        return None
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(file.read_text(encoding="utf-8"))
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and following is not None:
            token.attrSet("id", re.sub(r"[^a-z0-9]+", "-", following.content.lower()))
        for child in token.children or ():
            _led_to_page(child)
    body = Markup(reader.renderer.render(tokens, reader.options, {}))  # noqa: S704 - our own pages, raw HTML is off
    return environment().get_template("runbook.html").render(title="Runbook" if name == INDEX else name, body=body)


def _led_to_page(token: Token) -> None:
    """A link to a file beside it leads to that file's page."""
    found = re.fullmatch(r"([A-Za-z]+)\.md", str(token.attrGet("href") or ""))
    if found:
        token.attrSet("href", f"{PATH}/{found[1]}")
