"""`python -m local.cli`: every command of the command line."""

import typer

from local.cli import tenant

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.add_typer(tenant.app, name="tenant")


@app.callback()
def main() -> None:
    """Handover's command line for administrators."""


if __name__ == "__main__":
    app(prog_name="python -m local.cli")
