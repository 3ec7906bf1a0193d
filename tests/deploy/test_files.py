"""The files of deploy/ are what their programs take, and name nothing that there is not."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from deploy_files import CERTIFICATES, DEPLOY
from strict_kubernetes import problems

from visavis.config import Settings

CHECKOUT = DEPLOY.parent
BIN = Path(sys.executable).parent
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = sorted((DEPLOY / "docker").glob("compose*.yaml"))
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")

KNOWN = set(Settings.model_fields)


def names(paths: list[Path]) -> Any:
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(DEPLOY)))


def manifests(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


# -- settings ----------------------------------------------------------------------------------------------------------
def test_every_setting_that_is_named_exists() -> None:
    files = [path for folder in ("deploy", "docs") for path in (CHECKOUT / folder).rglob("*") if path.is_file()]
    for path in [CHECKOUT / "README.md", *files]:
        if path.suffix not in (".png", ".jpg", ".webp", ".svg"):
            said = set(re.findall(r"\bVISAVIS_([A-Z][A-Z_]*[A-Z])\b", path.read_text()))
            assert {name.lower() for name in said} <= KNOWN, path


def test_every_flag_of_the_server_exists() -> None:
    lines = [line for path in UNITS for line in path.read_text().splitlines() if line.startswith("ExecStart")]
    lines += [str(_command(path)) for path in (*COMPOSE, *MANIFESTS)]
    flags = {flag.replace("-", "_") for line in lines for flag in re.findall(r"--([a-z][a-z-]+)", line)}
    assert {"host", "port", "behind_proxy"} <= flags
    assert flags <= KNOWN | {"config"}


def _command(path: Path) -> list[object]:
    """What containers of our own image are started with."""

    def containers(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            if str(value.get("image", "")).startswith("visavis"):
                yield value
            for each in value.values():
                yield from containers(each)
        elif isinstance(value, list):
            for each in value:
                yield from containers(each)

    return [each.get("command", each.get("args")) for document in manifests(path) for each in containers(document)]


def test_the_file_of_settings_is_one(tmp_path: Path, certificates: Path) -> None:
    for name in ("fullchain.pem", "privkey.pem"):
        shutil.copy(certificates / "video.pem", tmp_path / name)
    text = (DEPLOY / "systemd" / "visavis.toml").read_text()
    text = text.replace("/run/credentials/visavis.service", str(tmp_path))
    # Its examples, too.
    text = re.sub(r"(?m)^# (\w+ = )", r"\1", text)
    settings = Settings(**tomllib.loads(text))
    assert settings.tls_cert == tmp_path / "fullchain.pem"
    assert settings.node_ip == ("203.0.113.7",)


# -- systemd -----------------------------------------------------------------------------------------------------------
@names(UNITS)
def test_systemd_takes_the_unit_and_finds_it_well_locked_in(path: Path, tmp_path: Path) -> None:
    name = path.name.replace("@.", "@7870.")
    text = path.read_text().replace("/opt/visavis/bin/visavis", str(BIN / "visavis"))
    assert "EnvironmentFile=/etc" in text
    unit = tmp_path / name
    unit.write_text(text)
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    said = [line for line in verified.stderr.splitlines() if name in line]
    assert (verified.returncode, said) == (0, []), verified.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)], capture_output=True, text=True
    )
    assert judged.returncode == 0, judged.stdout


# -- Docker ------------------------------------------------------------------------------------------------------------
@names(COMPOSE)
def test_compose_takes_the_file(path: Path) -> None:
    check = [str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(path)]
    done = subprocess.run(check, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@names(COMPOSE)
def test_what_a_compose_file_asks_for_is_there(path: Path) -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", path.read_text()))
    told = set(re.findall(r"(?m)^([A-Z_]+)=", (path.parent / "env.example").read_text()))
    assert asked <= told
    compose = yaml.safe_load(path.read_text())
    for service in compose["services"].values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            # Certificates are the operator's.
            if source.startswith(".") and "certificates" not in source:
                assert (path.parent / source).is_file(), source
        if "build" in service:
            assert (path.parent / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_the_image_is_built_as_hadolint_has_it() -> None:
    done = subprocess.run(
        [str(BIN / "hadolint"), str(DEPLOY / "docker" / "Dockerfile")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


# -- Kubernetes --------------------------------------------------------------------------------------------------------
@names(MANIFESTS)
def test_kubernetes_takes_the_manifests(path: Path) -> None:
    for manifest in manifests(path):
        assert problems(manifest) == [], manifest["kind"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deploymnt"}, "there is no apps/v1 Deploymnt"),
        ({"apiVersion": "v1", "kind": "Service", "spec": {"prots": []}}, "spec.prots: Extra inputs are not permitted"),
        (
            {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": "80"}]}},
            "spec.ports.0.port: Input should be a valid integer",
        ),
        ({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{}]}}, "spec.ports.0.port: Field required"),
    ],
)
def test_what_kubernetes_would_not_take_is_found(wrong: dict[str, Any], says: str) -> None:
    assert any(says in problem for problem in problems(wrong)), problems(wrong)


def test_manifests_name_what_is_in_the_others() -> None:
    folder = DEPLOY / "kubernetes"
    every = [manifest for path in MANIFESTS for manifest in manifests(path)]
    for resource in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]:
        assert (folder / resource).is_file()
    secrets = {each["metadata"]["name"]: set(each["stringData"]) for each in every if each["kind"] == "Secret"}
    asked = re.findall(r"secretKeyRef: {name: ([\w-]+), key: (\w+)}", "".join(path.read_text() for path in MANIFESTS))
    assert asked
    assert all(key in secrets[name] for name, key in asked)
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in every if "template" in each.get("spec", {})]
    for service in (each for each in every if each["kind"] == "Service"):
        assert service["spec"]["selector"] in labels, service["metadata"]["name"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_what_kubectl_applies_is_the_app_and_the_nodes_in_their_namespace() -> None:
    done = subprocess.run(["kubectl", "kustomize", str(DEPLOY / "kubernetes")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    applied = list(yaml.safe_load_all(done.stdout))
    for manifest in applied:
        assert problems(manifest) == [], manifest["kind"]
    found = {(each["kind"], each["metadata"]["name"]) for each in applied}
    asked = {
        (each["kind"], each["metadata"]["name"])
        for name in ("namespace", "app", "livekit")
        for each in manifests(DEPLOY / "kubernetes" / f"{name}.yaml")
    }
    assert found == asked
    spaces = {each["metadata"].get("namespace") for each in applied if each["kind"] != "Namespace"}
    assert spaces == {"visavis"}


def test_the_documentation_tells_of_each_file() -> None:
    told = (CHECKOUT / "docs" / "operations.md").read_text()
    files = [path for path in DEPLOY.rglob("*") if path.is_file()]
    assert [path.name for path in files if f"`{path.name}`" not in told and f"/{path.name}" not in told] == []


# -- balancers ---------------------------------------------------------------------------------------------------------
def test_haproxy_takes_the_file(tmp_path: Path, certificates: Path) -> None:
    file = tmp_path / "haproxy.cfg"
    file.write_text((DEPLOY / "haproxy" / "haproxy.cfg").read_text().replace(CERTIFICATES, f"{certificates}/"))
    done = subprocess.run(["haproxy", "-c", "-f", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


def test_the_nodes_and_processes_of_all_files_are_the_same() -> None:
    haproxy = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    nginx = (DEPLOY / "nginx" / "visavis.conf").read_text()
    compose = (DEPLOY / "docker" / "compose.cluster.yaml").read_text()
    ports = set(re.findall(r"server \w+ 127\.0\.0\.1:(\d+)", haproxy))
    assert ports == set(re.findall(r"server 127\.0\.0\.1:(\d+)", nginx))
    assert ports == set(re.findall(r'"--port", "(\d+)"', compose))
