"""`python -m local.cli`: every command of the command line."""

from typing import Annotated

import typer

from local.cli import actions, cases, export, parked, status, tenant
from local.cli.connection import connect

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main(
    context: typer.Context,
    url: Annotated[
        str,
        typer.Option(
            envvar="HANDOVER_URL", help="Where Handover is, such as https://func-handover-x.azurewebsites.net."
        ),
    ] = "http://127.0.0.1:7071",
    scope: Annotated[
        str | None,
        typer.Option(
            envvar="HANDOVER_SCOPE", help="On Azure: api://CLIENT-ID/.default; the Azure CLI signs you in (az login)."
        ),
    ] = None,
    token: Annotated[str | None, typer.Option(envvar="HANDOVER_TOKEN", help="A token that you have already.")] = None,
    play: Annotated[
        str | None,
        typer.Option(envvar="HANDOVER_PLAY", help="Development only: who to be, as ann@contoso.com;Approver,Operator."),
    ] = None,
) -> None:
    """Handover's command line for the people who operate it."""
    if context.obj is None:
        context.obj = connect(url=url, scope=scope, token=token, play=play)


for commands in (status.app, cases.app, actions.app, export.app):
    app.add_typer(commands)
app.add_typer(parked.app, name="parked")
app.add_typer(tenant.app, name="tenant")


if __name__ == "__main__":
    app(prog_name="python -m local.cli")
