"""Writes prometheus-operator/: the rules and boards of this folder's neighbours as objects of Kubernetes.

`python -m deploy.kubernetes [--runbooks URL] [--boards URL]`; the addresses are those under which you serve deploy/runbooks
and Grafana.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from deploy.links import BOARDS, linked
from monitor.settings.sections import RUNBOOKS

HERE = Path(__file__).parent
LABELS = {"app.kubernetes.io/name": "reserve-monitor", "app.kubernetes.io/part-of": "reserve-monitor"}
NOTE = "# Made by `python -m deploy.kubernetes`: change deploy/prometheus or deploy/grafana instead.\n"


class _Text(str):
    """A text that is written as a block."""

    __slots__ = ()


def prometheus_rule(runbooks: str, boards: str) -> str:
    """The rules file as a PrometheusRule."""
    rules = (HERE.parent / "prometheus" / "rules" / "reserve-monitor.yml").read_text(encoding="utf-8")
    groups = yaml.safe_load(linked(rules, runbooks, boards))["groups"]
    return NOTE + _dumped(
        _object("monitoring.coreos.com/v1", "PrometheusRule", "reserve-monitor", LABELS, {"spec": {"groups": groups}})
    )


def dashboards(runbooks: str) -> str:
    """A ConfigMap for each board, found by Grafana's sidecar by its label."""
    objects = []
    for path in sorted((HERE.parent / "grafana" / "dashboards").glob("*.json")):
        text = path.read_text(encoding="utf-8").replace(json.dumps(RUNBOOKS), json.dumps(runbooks))
        labels = LABELS | {"grafana_dashboard": "1"}
        objects.append(_dumped(_object("v1", "ConfigMap", path.stem, labels, {"data": {path.name: _Text(text)}})))
    return NOTE + "---\n".join(objects)


def _object(version: str, kind: str, name: str, labels: dict[str, str], content: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "labels": labels}} | content


def _dumped(value: dict[str, Any]) -> str:
    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
            return True

    Dumper.add_representer(_Text, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|"))
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, width=120)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.kubernetes", description=__doc__)
    parser.add_argument("--runbooks", default=RUNBOOKS, metavar="URL")
    parser.add_argument("--boards", default=BOARDS, metavar="URL")
    given = parser.parse_args()
    folder = HERE / "prometheus-operator"
    (folder / "prometheus-rule.yaml").write_text(prometheus_rule(given.runbooks, given.boards), encoding="utf-8")
    (folder / "dashboards.yaml").write_text(dashboards(given.runbooks), encoding="utf-8")
