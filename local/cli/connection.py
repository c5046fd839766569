"""The way to the API: address, token, and one readable sentence for everything that goes wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import httpx
import typer
from rich.console import Console

Json = dict[str, Any]
ROOT = "/api/v1"
NEXT = "X-Handover-Next"
SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The API of one installation."""

    client: httpx.Client
    console: Console

    def get(self, path: str, **asked: object) -> Json:
        """The document of a GET."""
        return self._send("GET", path, asked=asked).json()

    def seen(self, path: str) -> tuple[Json, str]:
        """The document of a GET, and the ETag that an action has to match."""
        answer = self._send("GET", path)
        return answer.json(), answer.headers["etag"]

    def pages(self, path: str, what: str, **asked: object) -> Iterator[Json]:
        """Every line of a list, from page to page."""
        after: str | None = ""
        while after is not None:
            page = self.get(path, after=after, **asked)
            yield from page[what]
            after = page["next"]

    def texts(self, path: str, **asked: object) -> Iterator[str]:
        """Every page of an export."""
        after: str | None = ""
        while after is not None:
            answer = self._send("GET", path, asked={**asked, "after": after})
            yield answer.text
            after = answer.headers.get(NEXT)

    def post(self, path: str, said: Mapping[str, object], *, etag: str | None = None) -> Json:
        """The document of a POST by somebody who saw what has this ETag."""
        headers = {"X-Handover-Request": "1", **({} if etag is None else {"If-Match": etag})}
        return self._send("POST", path, said=said, headers=headers).json()

    def _send(
        self,
        method: str,
        path: str,
        *,
        asked: Mapping[str, object] | None = None,
        said: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        params = {name: str(value) for name, value in (asked or {}).items() if value not in (None, "")}
        try:
            answer = self.client.request(
                method, f"{ROOT}/{path}", params=params, json=said, headers=dict(headers or {}), follow_redirects=False
            )
        except httpx.TransportError as error:
            self.fail(f"Handover does not answer at {self.client.base_url} ({type(error).__name__}).")
        if not answer.is_success:
            self.fail(_sentence(answer))
        return answer

    def fail(self, sentence: str) -> NoReturn:
        """Say why not, and end with exit code 1."""
        self.console.print(sentence, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)


def connect(*, url: str, scope: str | None, token: str | None, play: str | None) -> Api:
    """The API at this address. ``scope`` asks the Azure CLI for a token (``api://CLIENT-ID/.default``)."""
    headers = {} if play is None else {"x-handover-development-principal": play}
    if bearer := token or (_token_of_azure_cli(scope) if scope else None):
        headers["Authorization"] = f"Bearer {bearer}"
    client = httpx.Client(base_url=url, headers=headers, timeout=SECONDS)
    return Api(client=client, console=Console())


def _token_of_azure_cli(scope: str) -> str:
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415  # only who signs in so needs it
    from azure.identity import AzureCliCredential, CredentialUnavailableError  # noqa: PLC0415  # as above

    try:
        return AzureCliCredential().get_token(scope).token
    except (CredentialUnavailableError, ClientAuthenticationError) as error:
        raise typer.BadParameter(f"no token for {scope}: sign in with az login. {error}") from error


def _sentence(answer: httpx.Response) -> str:
    """What a problem document says, or what its absence means."""
    if answer.is_redirect:
        return "Handover wants you to sign in: name --scope api://CLIENT-ID/.default after az login."
    try:
        document: object = answer.json()
    except ValueError:
        document = None
    detail = cast("Json", document).get("detail") if isinstance(document, dict) else None
    if isinstance(detail, str):
        return detail
    return f"Handover answered {answer.status_code} {answer.reason_phrase} without a reason."
