"""The one place where exceptions of httpx, azure-identity and kiota become ours."""

import binascii

from shared.clients.graph.answers import printable
from shared.errors import AccessDenied, HandoverError, RetryLater


def as_ours(error: Exception, operation: str) -> HandoverError | None:
    """Our error for a vendor's one; None for any other, which is a bug and must stay visible as it is."""
    import httpx  # here, so that a start without Graph does not pay for it
    from azure.core.exceptions import AzureError, ClientAuthenticationError

    name = type(error).__name__
    if isinstance(error, HandoverError):
        return error
    if isinstance(error, ClientAuthenticationError) and not _busy(error.status_code):
        # CredentialUnavailableError is one, too
        return AccessDenied(f"{operation}: no token ({name}: {printable(str(error))})")
    if isinstance(error, AzureError):
        return RetryLater(f"{operation}: no token ({name})")
    if isinstance(error, httpx.RequestError):
        return RetryLater(f"{operation}: {name}")
    if isinstance(error, (binascii.Error, UnicodeDecodeError)):  # kiota reads the claims that a 401 asks for
        return AccessDenied(f"{operation}: Graph asks for claims that cannot be read")
    return None


def never_sent(error: Exception) -> bool:
    """Whether the request certainly did not leave: no connection was made or none was free."""
    import httpx  # here, so that a start without Graph does not pay for it

    return isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))


def _busy(status: int | None) -> bool:
    """azure-identity calls it a failed authentication, too, when the token endpoint is throttling or failing."""
    return status is not None and (status == 429 or status >= 500)
