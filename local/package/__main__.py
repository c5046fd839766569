"""`python -m local.package`: builds the zip that is deployed, and says what it weighs."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from local.package.build import Package, build
from local.package.resolve import FOR_TELEMETRY, REQUIREMENTS, NotResolved, resolve
from local.package.target import REPOSITORY, NoInterpreter, Target, target

SHOWN = 12


def main(
    out: Annotated[Path, typer.Option(help="The zip; its bill of materials is written beside it.")] = REPOSITORY
    / "build"
    / "handover.zip",
    telemetry: Annotated[bool, typer.Option(help="With what HANDOVER_TELEMETRY=azure_monitor needs.")] = False,
    python: Annotated[str, typer.Option(help="The Python version of the function app.")] = "3.13",
) -> None:
    """Build the zip for Azure Functions on Linux, x86-64."""
    try:
        package = _package(target(python), out.absolute(), telemetry=telemetry)
    except (NoInterpreter, NotResolved) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from error
    Console(highlight=False).print(_table(package))
    typer.echo(f"{package.zip}\nsha256 {package.sha256}\n{package.sbom}")


def _package(wanted: Target, out: Path, *, telemetry: bool) -> Package:
    requirements = (*REQUIREMENTS, *FOR_TELEMETRY) if telemetry else REQUIREMENTS
    with tempfile.TemporaryDirectory(prefix="handover-resolved-") as folder:
        return build(wanted, resolve(wanted, Path(folder).resolve(), requirements), out, telemetry=telemetry)


def _table(package: Package) -> Table:
    table = Table(title="Unpacked", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    by_size = list(package.sizes.items())
    for name, size in by_size[:SHOWN]:
        table.add_row(name, _megabytes(size))
    rest = by_size[SHOWN:]
    table.add_row(f"{len(rest)} more", _megabytes(sum(size for _, size in rest)), end_section=True)
    table.add_row("Unpacked", _megabytes(package.unpacked_size))
    table.add_row("As pip installs it, without .pyc", _megabytes(package.resolved_size))
    table.add_row("Modules of msgraph", str(package.msgraph_modules))
    table.add_row("Zip", _megabytes(package.zip_size))
    return table


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.2f} MB"


if __name__ == "__main__":
    typer.run(main)
