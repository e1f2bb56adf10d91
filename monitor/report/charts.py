"""Charts as SVG, drawn once where the page is made: a page needs no script and no asset, and prints as it looks.

Series differ by dash and shape as well as colour, so that a print without colour can be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.errors import ConfigurationError

_WIDTH, _HEIGHT = 860, 220
_COLOURS = ["#0b5394", "#b45f06", "#38761d", "#741b47", "#134f5c", "#7f6000", "#4c1130", "#3d3d3d"]
_DASHES = [[1, 0], [6, 3], [2, 2], [8, 2, 2, 2], [12, 4], [4, 1], [1, 3], [10, 2, 1, 2]]
_CONFIG = {
    "font": "DejaVu Sans, Noto Sans, sans-serif",
    "axis": {"labelFontSize": 11, "titleFontSize": 12, "gridColor": "#e3e3e3"},
    "legend": {"labelFontSize": 11, "labelLimit": 420, "orient": "bottom", "columns": 2, "title": None},
    "view": {"stroke": "#bbbbbb"},
    "background": "#ffffff",
}


def over_time(rows: Sequence[Mapping[str, Any]], title: str, *, unit: str, line_at: float | None = None) -> str:
    """Steps over time. `rows` are {at: RFC 3339, value, series}; a value of None leaves a gap. `line_at`: a level to mark."""
    series = list(dict.fromkeys(str(row["series"]) for row in rows))
    lines = {
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.6},
        "encoding": {
            "x": {"field": "at", "type": "temporal", "title": None, "axis": {"labelOverlap": True}},
            "y": {"field": "value", "type": "quantitative", "title": unit, "scale": {"zero": False}},
            "color": {"field": "series", "type": "nominal", "scale": {"domain": series, "range": _COLOURS}},
            "strokeDash": {"field": "series", "type": "nominal", "scale": {"domain": series, "range": _DASHES}},
        },
    }
    layers: list[dict[str, Any]] = [lines]
    if line_at is not None:
        rule = {"type": "rule", "color": "#cc0000", "strokeDash": [3, 3]}
        layers.append(
            {"mark": rule, "data": {"values": [{"y": line_at}]}, "encoding": {"y": {"field": "y", "type": "quantitative"}}}
        )
    return _svg({"title": title, "width": _WIDTH, "height": _HEIGHT, "data": {"values": list(rows)}, "layer": layers})


def frontier(rows: Sequence[Mapping[str, Any]], title: str, *, parameter: str, unit: str) -> str:
    """A parameter against money and days short, side by side. `rows` are {x, required, days}."""
    across = {"field": "x", "type": "quantitative", "title": parameter, "scale": {"zero": False}}

    def panel(field: str, label: str) -> dict[str, Any]:
        down = {"field": field, "type": "quantitative", "title": label, "scale": {"zero": field == "days"}}
        return {
            "width": _WIDTH // 2 - 60,
            "height": _HEIGHT,
            "mark": {"type": "line", "point": True},
            "encoding": {"x": across, "y": down},
        }

    panels = [panel("required", f"mean required, {unit}"), panel("days", "days short")]
    return _svg({"title": title, "data": {"values": list(rows)}, "hconcat": panels})


def _svg(spec: dict[str, Any]) -> str:
    return str(
        _renderer().vegalite_to_svg({"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": _CONFIG} | spec)
    )


def _renderer() -> Any:
    """The library that draws; the container image does without its 86 MB."""
    try:
        import vl_convert
    except ModuleNotFoundError:
        raise ConfigurationError(
            "charts cannot be drawn here, as in the container image: run `report` where the wheel is installed, or `pip install "
            "vl-convert-python`"
        ) from None
    return vl_convert
