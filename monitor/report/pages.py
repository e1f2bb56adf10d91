"""Pages from templates: every value is escaped, amounts have separators, charts are our own SVG."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from monitor.core.values.wording import grouped


def page(template: str, **values: Any) -> str:
    """The page of a template under `monitor/report/templates`."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("monitor.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    found.filters["grouped"] = grouped
    found.filters["drawn"] = _drawn
    return found


def _drawn(svg: str) -> Markup:
    """A chart of `monitor.report.charts`, which escapes what it is given."""
    return Markup(svg)  # noqa: S704 - made by this package's own chart maker
