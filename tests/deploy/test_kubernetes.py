"""The overlays as kustomize renders them: every name that one object uses of another is there, and rules and boards are whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from deploy.kubernetes.__main__ import dashboards, prometheus_rule
from deploy.links import BOARDS, linked
from monitor.settings.load import read_yaml, settings_of
from monitor.settings.sections import RUNBOOKS
from tests.deploy.tools import DEPLOY, RULES, rules, run, tool

KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = ("base", "first", "archive", "prometheus-operator")
OPERATOR = KUBERNETES / "prometheus-operator"

Manifest = dict[str, Any]


def rendered(overlay: str) -> list[Manifest]:
    done = run(tool("kubectl"), "kustomize", str(KUBERNETES / overlay))
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def pod_of(manifest: Manifest) -> Manifest | None:
    pod: Manifest | None = manifest.get("spec", {}).get("template", {}).get("spec")
    return pod


def references(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Kind and name of every object that must be there for this one; a Secret that is optional need not."""
    pod = pod_of(manifest)
    if pod is None:
        return
    yield "ServiceAccount", pod["serviceAccountName"]
    for volume in pod.get("volumes", ()):
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
        if "secret" in volume and not volume["secret"].get("optional"):
            yield "Secret", volume["secret"]["secretName"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_reference_is_resolved_after_rendering(overlay: str) -> None:
    manifests = rendered(overlay)
    there = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    asked = {reference for one in manifests for reference in references(one)}
    assert ("ServiceAccount", "reserve-monitor") in asked
    assert asked <= there, asked - there
    assert all(one["metadata"].get("namespace") == "reserve-monitor" for one in manifests if one["kind"] != "Namespace")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_pods_mount_what_their_configuration_names(overlay: str) -> None:
    manifests = rendered(overlay)
    for one in manifests:
        pod = pod_of(one)
        if pod is None:
            continue
        (container,) = pod["containers"]
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        environment = {entry["name"]: entry.get("value") for entry in container["env"]}
        assert environment["RESERVE_CONFIG"] == f"{mounts['configuration']}/reserve.yaml"
        assert {volume["name"] for volume in pod["volumes"]} == set(mounts)
    (configuration,) = [one for one in manifests if one["kind"] == "ConfigMap" and "reserve.yaml" in one["data"]]
    kafka = settings_of({"kafka": yaml.safe_load(configuration["data"]["reserve.yaml"])["kafka"]}).kafka
    assert kafka == settings_of({"kafka": read_yaml(KUBERNETES / "base" / "reserve.yaml")["kafka"]}).kafka
    assert str(kafka.password_file).startswith("/run/secrets/reserve-monitor/")


def test_the_job_makes_the_topics_with_the_configuration_of_the_stages() -> None:
    manifests = rendered("first")
    (job,) = [one for one in manifests if one["kind"] == "Job"]
    names = {
        volume["configMap"]["name"]
        for one in manifests
        for volume in (pod_of(one) or {}).get("volumes", ())
        if "configMap" in volume
    }
    assert len(names) == 1, "the Job must read what the stages read"
    assert (pod_of(job) or {})["containers"][0]["args"][:2] == ["topics", "create"]


def test_rules_and_boards_of_the_operator_are_those_of_their_folders() -> None:
    assert (OPERATOR / "prometheus-rule.yaml").read_text() == prometheus_rule(RUNBOOKS, BOARDS), "python -m deploy.kubernetes"
    assert (OPERATOR / "dashboards.yaml").read_text() == dashboards(RUNBOOKS), "python -m deploy.kubernetes"
    (rule,) = [one for one in rendered("prometheus-operator") if one["kind"] == "PrometheusRule"]
    assert [one for group in rule["spec"]["groups"] for one in group["rules"]] == rules()
    for path in (DEPLOY / "grafana" / "dashboards").glob("*.json"):
        (board,) = [one for one in rendered("prometheus-operator") if one["metadata"]["name"] == path.stem]
        assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(board["data"][path.name]) == json.loads(path.read_text())


def test_rules_take_the_addresses_of_a_site() -> None:
    text = linked(RULES.read_text(), "https://wiki.example/runbooks", "https://grafana.example/")
    for group in yaml.safe_load(text)["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["runbook_url"] == f"https://wiki.example/runbooks#{rule['alert'].lower()}"
            assert rule["annotations"]["dashboard_url"].startswith("https://grafana.example/d/reserve-")
