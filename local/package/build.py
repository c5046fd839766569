"""Builds the package from resolved packages: lay out as Azure Functions expects, prune, compile, zip, list."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from local.package.archive import write_zip
from local.package.elf import without_symbols
from local.package.prune import kept, reachable
from local.package.resolve import Resolved
from local.package.sbom import bill_of_materials
from local.package.target import REPOSITORY, Target

APP = ("function_app.py", "host.json", "requirements.txt", "constraints.txt", "handlers", "shared")
SITE_PACKAGES = PurePath(".python_packages", "lib", "site-packages")
"""Where Azure's Python worker looks for the packages of an app."""
DEPLOYED_AT = "/home/site/wwwroot"
_BYTE_CODE = Path(__file__).with_name("byte_code.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What was built. Sizes are of the files' contents, in bytes."""

    zip: Path
    sbom: Path
    sha256: str
    zip_size: int
    sizes: Mapping[str, int]
    """Unpacked, by package; the app itself is ``handover``."""
    resolved_size: int
    """What pip installed, without .pyc, before anything was left out."""
    msgraph_modules: int

    @property
    def unpacked_size(self) -> int:
        """Everything in the zip, unpacked."""
        return sum(self.sizes.values())


def build(target: Target, resolved: Resolved, out: Path, *, telemetry: bool = False) -> Package:
    """Build ``out`` and, beside it, its bill of materials. Raises CalledProcessError when the walk fails.

    ``telemetry``: ``resolved`` has the packages of requirements-telemetry.txt as well, and they are kept.
    """
    with tempfile.TemporaryDirectory(prefix="handover-package-") as temporary:
        app = Path(temporary).resolve() / "app"
        _copy_app(app)
        of_msgraph = reachable(target, resolved.site_packages, app)
        for file in kept(resolved.site_packages, of_msgraph, telemetry=telemetry):
            _copy(resolved.site_packages / file, app / SITE_PACKAGES / file)
        for compiled in (app / SITE_PACKAGES).rglob("*.so"):
            compiled.write_bytes(without_symbols(compiled.read_bytes()))
        target.run(_BYTE_CODE, app, app / SITE_PACKAGES, DEPLOYED_AT)
        sha256 = write_zip(app, out)
        document = bill_of_materials(app / SITE_PACKAGES, resolved.wheel_hashes, sha256)
        sbom = out.with_suffix(".cdx.json")
        sbom.write_text(json.dumps(document, indent=2) + "\n")
        return Package(
            zip=out,
            sbom=sbom,
            sha256=sha256,
            zip_size=out.stat().st_size,
            sizes=_sizes(app),
            resolved_size=sum(_sizes(resolved.site_packages).values()),
            msgraph_modules=len(of_msgraph),
        )


def _copy_app(app: Path) -> None:
    for name in APP:
        source = REPOSITORY / name
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file() and "__pycache__" not in file.parts:
                _copy(file, app / file.relative_to(REPOSITORY))


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes by package, the largest first."""
    sizes = Counter[str]()
    for file in folder.rglob("*"):
        if file.is_file():
            sizes[_package_of(file.relative_to(folder))] += file.stat().st_size
    return dict(sizes.most_common())


def _package_of(file: PurePath) -> str:
    inside = file.relative_to(SITE_PACKAGES) if file.is_relative_to(SITE_PACKAGES) else None
    if inside is None:
        return "handover"
    if inside.parts[0].endswith(".dist-info"):
        return "metadata and licences"
    # azure and opentelemetry are namespaces of several packages
    return "/".join(inside.parts[:2]) if inside.parts[0] in {"azure", "opentelemetry"} else inside.parts[0]
