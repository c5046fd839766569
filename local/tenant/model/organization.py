"""The organization object: the tenant's name and who manages its devices."""

from local.tenant.model.refusal import resource_not_found
from local.tenant.model.world import World

_CODES = {"unknown": 0, "intune": 1, "sccm": 2, "office365": 3}


class Organization:
    """The one organization of the tenant."""

    def __init__(self, world: World, *, name: str, mdm_authority: str) -> None:
        self._world = world
        self.name = name
        self.mdm_authority = mdm_authority
        """mobileDeviceManagementAuthority: unknown, intune, sccm or office365."""

    @property
    def id(self) -> str:
        """The tenant id."""
        return self._world.tenant_id

    @property
    def domain(self) -> str:
        """The verified default domain."""
        return self._world.domain

    def require(self, organization_id: str) -> None:
        """GET organization/{id}. Raises 404 for any other tenant."""
        if organization_id.lower() != self.id.lower():
            raise resource_not_found(organization_id)

    def set_mdm_authority(self, organization_id: str) -> int:
        """POST .../setMobileDeviceManagementAuthority: Intune becomes the authority. Raises 404."""
        self.require(organization_id)
        self.mdm_authority = "intune"
        return _CODES[self.mdm_authority]
