"""Bodies of .../$ref: a link to another object."""

import re

from pydantic import Field

from local.tenant.http.request import Body
from local.tenant.model.refusal import bad_request

_LAST_ID = re.compile(r"(?:/|\(')([^/()']+)(?:'\))?/?$")


class Reference(Body):
    """``{"@odata.id": "https://graph.microsoft.com/v1.0/users/{id}"}``."""

    odata_id: str = Field(alias="@odata.id")


def id_in(reference: Reference) -> str:
    """The id of the object that is linked to. Raises 400."""
    found = _LAST_ID.search(reference.odata_id)
    if found is None:
        raise bad_request("Invalid URL format specified in @odata.id.")
    return found[1]
