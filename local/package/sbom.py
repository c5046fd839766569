"""The bill of materials of a package: CycloneDX 1.6, read from the packages' own metadata."""

import uuid
from collections.abc import Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

Json = dict[str, Any]  # Any: a CycloneDX document is nested JSON
_CLASSIFIER = "License :: OSI Approved :: "


def bill_of_materials(site_packages: Path, wheel_hashes: Mapping[str, str], zip_hash: str) -> Json:
    """One component per distribution. ``wheel_hashes`` has the SHA-256 of each wheel by name; no time, no chance."""
    found = sorted(distributions(path=[str(site_packages)]), key=lambda each: each.name.lower())
    product: Json = {"type": "application", "name": "handover", "bom-ref": "handover"}
    product["hashes"] = [{"alg": "SHA-256", "content": zip_hash}]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'sha256:{zip_hash}')}",
        "version": 1,
        "metadata": {"component": product},
        "components": [_component(each, wheel_hashes) for each in found],
    }


def _component(distribution: Distribution, wheel_hashes: Mapping[str, str]) -> Json:
    name = distribution.name.lower().replace("_", "-").replace(".", "-")
    package_url = f"pkg:pypi/{name}@{distribution.version}"
    component: Json = {"type": "library", "bom-ref": package_url, "name": name, "version": distribution.version}
    component["purl"] = package_url
    if name in wheel_hashes:
        component["hashes"] = [{"alg": "SHA-256", "content": wheel_hashes[name]}]
    if licence := _licence(distribution):
        component["licenses"] = [licence]
    return component


def _licence(distribution: Distribution) -> Json | None:
    """An SPDX expression if the package gives one, else the name that it gives."""
    metadata = distribution.metadata
    if "License-Expression" in metadata:
        return {"expression": metadata["License-Expression"]}
    classifiers = [each for each in metadata.get_all("Classifier", []) if each.startswith(_CLASSIFIER)]
    if classifiers:
        return {"license": {"name": classifiers[0].removeprefix(_CLASSIFIER)}}
    given = [line for each in metadata.get_all("License", []) for line in each.splitlines() if line]
    return {"license": {"name": given[0]}} if given else None
