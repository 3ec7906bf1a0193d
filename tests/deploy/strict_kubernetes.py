"""Checks Kubernetes manifests by the models of its own Python client: unknown fields, wrong types, what is missing."""

import json
from typing import Any

from kubernetes import client
from pydantic import ValidationError


def problems(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with a manifest; empty: nothing."""
    version = manifest["apiVersion"].rpartition("/")[2]
    model = getattr(client, f"V{version[1:]}{manifest['kind']}", None)
    if model is None:
        return [f"there is no {manifest['apiVersion']} {manifest['kind']}"]
    try:
        model.model_validate_json(json.dumps(manifest), strict=True, extra="forbid")
    except ValidationError as error:
        return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
    return []
