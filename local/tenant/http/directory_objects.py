"""Users where Graph answers with directory objects: owners and members."""

from local.tenant.http.shape import Shape
from local.tenant.model.users import User

USER_OBJECT = Shape[User](
    type_name="directoryObject",
    properties={
        "@odata.type": lambda _: "#microsoft.graph.user",
        "id": lambda user: user.id,
        "displayName": lambda user: user.display_name,
        "mail": lambda user: user.upn,
        "userPrincipalName": lambda user: user.upn,
    },
)
