"""The only reader of the environment. One class, every setting with its meaning; it builds the Policy."""

import os
import re
from datetime import date, timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from shared.domain.part import Part
from shared.domain.policy import EnrolmentAttestation, LicenceWay, Mode, Policy
from shared.domain.weekly_hours import WeeklyHours

Words = Annotated[tuple[str, ...], NoDecode]
"""A comma-separated list."""

MOST_ATTESTED_GROUPS = 15
"""So that they and the other groups that may matter fit into one question to Graph."""


_GROUP_ID = r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"


_GROUP_MEMBERS = re.compile(r"(?i:groups)/(?P<id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/(?i:members)")


_PLAYED = r"^[^\s;,][^;,]{0,98}[^\s;,];(Reader|Approver|Operator)(,(Reader|Approver|Operator))*$"


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("must be an IANA time zone such as Europe/Berlin") from error
    return name


def _written_as_a_day(value: object) -> object:
    """A number would be read as seconds since 1970."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is None:
        raise ValueError("must be a day as YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_written_as_a_day)]
ZoneName = Annotated[str, AfterValidator(_known_zone)]


_OWNER_OF = re.compile(r"(?P<serial>[A-Za-z0-9._-][A-Za-z0-9 ._-]{0,63}?) ?= ?(?P<owner>[^\s/\\=]{1,256})")


def _owner_of(entry: str) -> tuple[str, str]:
    """Serial number, lower case, and owner of one entry. Raises ValueError for what is not serial=owner."""
    match = _OWNER_OF.fullmatch(entry)
    if match is None:
        raise ValueError("an entry is not like 5CG1234XYZ=ann@contoso.com")
    return match["serial"].lower(), match["owner"]


_MARKS_OF_AZURE = ("WEBSITE_SITE_NAME", "WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "WEBSITE_SKU")


def runs_on_azure() -> bool:
    """Whether this is a Function App on Azure: the platform sets one of these variables on every plan."""
    return any(os.environ.get(name, "").strip() for name in _MARKS_OF_AZURE)


def platform_signs_in() -> bool:
    """Whether App Service Authentication stands before this app, by the platform's own word (WEBSITE_AUTH_ENABLED)."""
    return runs_on_azure() and os.environ.get("WEBSITE_AUTH_ENABLED", "").strip().lower() in ("true", "1")


FOR_THE_DEVELOPMENT_HOST = frozenset(
    {"HANDOVER_LOCAL_KEY", "HANDOVER_URL", "HANDOVER_SCOPE", "HANDOVER_TOKEN", "HANDOVER_PLAY"}
)
"""Names that the tools of a developer read, and the command line."""


class _UnknownNames(PydanticBaseSettingsSource):
    """Every HANDOVER_ name that is no setting: a misspelt exclusion must not be an exclusion that is not there."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[None, str, bool]:  # noqa: ARG002  # as inherited
        return None, field_name, False

    def __call__(self) -> dict[str, str]:
        known = {f"HANDOVER_{name}".upper() for name in self.settings_cls.model_fields} | FOR_THE_DEVELOPMENT_HOST
        return {
            name: "set" for name in os.environ if name.upper().startswith("HANDOVER_") and name.upper() not in known
        }


def event_hub_is_set() -> bool:
    """Whether the app listens to an Event Hub at all: asked when its functions are registered, before any setting is read."""
    return bool(os.environ.get("HANDOVER_EVENT_HUB", "").strip())


class Settings(BaseSettings):
    """What an administrator sets as app settings. Names are upper case with the prefix HANDOVER_, but for the two of others."""

    model_config = SettingsConfigDict(
        env_prefix="HANDOVER_",
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
        defer_build=True,
    )

    graph_base_url: HttpUrl = Field(HttpUrl("https://graph.microsoft.com"), validation_alias="GRAPH_BASE_URL")
    """Microsoft Graph of your cloud."""
    tenant_id: str = Field(pattern=r"^[0-9a-fA-F-]{36}$")
    """Directory (tenant) id; notifications of any other tenant are discarded."""
    credential: Literal["managed_identity", "developer"] = "managed_identity"
    """managed_identity on Azure; developer signs in with DefaultAzureCredential (az login and others)."""
    identity_client_id: str | None = Field(None, validation_alias="AZURE_CLIENT_ID")
    """Client id of the user-assigned managed identity."""
    storage: SecretStr | None = Field(None, validation_alias="AzureWebJobsStorage")
    """Connection string of the storage account (development)."""
    storage_queue_uri: str | None = Field(None, validation_alias="AzureWebJobsStorage__queueServiceUri")
    """Queue endpoint, with managed identity (Azure)."""
    storage_table_uri: str | None = Field(None, validation_alias="AzureWebJobsStorage__tableServiceUri")
    """Table endpoint, with managed identity (Azure)."""

    part: Part = Part.SINGLE
    """Set by infra/. single: everything in one app. intake, worker, wiper: one app each, with one identity each."""
    telemetry: Literal["host", "azure_monitor"] = "host"
    """host: the Functions host ships the log. azure_monitor: spans and metrics as well, from a package built with TELEMETRY=1."""
    trace_ratio: float = Field(1.0, ge=0, le=1, allow_inf_nan=False)
    """With azure_monitor: the share of traces that is kept; spans of wipes always are."""
    application_insights: SecretStr | None = Field(None, validation_alias="APPLICATIONINSIGHTS_CONNECTION_STRING")
    """Set by infra/. Connection string of Application Insights, which azure_monitor needs."""
    mode: Mode = Mode.REPORT
    """off: look at nothing. report: change nothing, write down what would happen. approve: a person approves each wipe. auto: none does."""

    notification_url: HttpUrl | None = None
    """Public URL of /api/notifications; without it no Graph subscription is made."""
    client_state: SecretStr | None = None
    """Secret that Graph repeats in every notification; at most 128 characters."""
    client_state_previous: SecretStr | None = None
    """The secret before the last rotation, accepted as well."""
    subscribe_to: Words = ("users",)
    """Graph resources to subscribe to: users, and groups/{id}/members. A change of a user or of the groups a user is in wakes the cases that wait for their licence."""
    canary_user: str | None = Field(None, pattern=r"^[^\s/\\?#%]{1,113}$")
    """UPN or id of a test user. When nothing was heard of the users for a day, its office location is changed in approve and auto mode, and a notification must follow. Needs User.ReadWrite.All."""
    sweep_minutes: int = Field(15, ge=0, le=1440)
    """So long after a sweep the next one looks for what no event told, 0 to 1440; 0: never, and what is lost stays lost."""
    sweep_autopilot: bool = False
    """Also look, every 6 hours, for Autopilot registrations of PCs not yet enrolled that were given to somebody, as another system's event would tell."""

    event_hub: str | None = None
    """Name of the Event Hub that Intune's diagnostic settings send to; its namespace is in IntuneLogs__fullyQualifiedNamespace. Empty: there is none."""

    staging_accounts: Words = ()
    """UPNs, patterns (staging*@contoso.com) or user ids of accounts that only enrol devices; they never own one."""
    owners: Words = ()
    """Whose PC is which, where nothing else says it: serial=UPN, separated by commas. An event or Autopilot's user comes first."""
    excluded_devices: Words = ()
    """Serial numbers or device names that are never touched."""
    excluded_users: Words = ()
    """UPNs whose devices are never touched."""
    licence_skus: Words = ()
    """skuPartNumbers that may be assigned, best first, for example SPB. Empty: no licence is ever assigned."""
    usage_location: str | None = Field(None, pattern=r"^[A-Z]{2}$")
    """Country for users who have none; empty: such a user waits for a person."""
    licence_way: LicenceWay = LicenceWay.DIRECT
    """none: never. direct: assign a SKU. group: add to HANDOVER_LICENCE_GROUP. swap: assign a SKU and take those of HANDOVER_LICENCE_SWAP_FROM."""
    licence_group: str | None = Field(None, pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")
    """Id of the group whose members inherit the licence (HANDOVER_LICENCE_WAY=group)."""
    licence_swap_from: Words = ()
    """skuPartNumbers that may be taken from the owner in the same write (HANDOVER_LICENCE_WAY=swap)."""
    reclaim_staging_licence: bool = False
    """After the proof, take HANDOVER_LICENCE_SKUS from the staging account that enrolled the device, if it enrols no other."""
    enrolment_attested_by: str | None = None
    """Who looked at MDM user scope and discovery URL in the portal (no application permission can read them)."""
    enrolment_attested_on: Day | None = None
    """When, as YYYY-MM-DD; valid for 90 days."""
    enrolment_attested_scope: Literal["all", "some", "none"] = "none"
    """The MDM user scope that was seen."""
    enrolment_attested_groups: Words = ()
    """With the scope some: ids of the groups that were seen, at most 15. The owner has to be in one of them."""
    exclusion_group: str | None = Field(None, pattern=_GROUP_ID)
    """Id of a group whose users and devices are never touched; a membership that cannot be read holds the case."""
    bitlocker_key: Literal["ignore", "require"] = "ignore"
    """require: no wipe unless Entra ID keeps a BitLocker recovery key of the device. It needs one more permission."""
    expect_multi_admin_approval: bool = False
    """true: no wipe while no Multi Admin Approval policy covers device wipes. It needs one more permission."""
    tenant_drift: bool = False
    """true: look every hour whether the tenant is still as `tenant apply` made it, reading only. It needs one more permission."""

    noncompliant_hours: int = Field(72, ge=1, le=8760)
    """A wipe needs continuous non-compliance for this long."""
    last_sync_hours: int = Field(24, ge=1, le=8760)
    """A wipe needs a check-in not older than this."""
    reenrol_for: Words = ()
    """Compliance settings, such as Windows10CompliancePolicy.BitLockerEnabled, that a re-enrolment mends in this tenant by your word; see docs/adr/0010."""
    wipes_per_hour: int = Field(5, ge=0, le=100)
    """At most this many wipes in any 60 minutes."""
    wipes_per_day: int = Field(25, ge=0, le=150)
    """At most this many wipes in any 24 hours."""
    wipes_in_flight: int = Field(10, ge=0, le=100)
    """At most this many devices wiped and not yet back."""
    wipes_per_day_percent: int = Field(1, ge=1, le=100)
    """In any 24 hours at most this share of all devices is wiped, but one device at least."""
    ramp: Words = ("1", "2", "4", "8")
    """So many wipes each of the first steps of a policy has; a step begins when every device of those before is proven."""
    spike_percent: int = Field(5, ge=1, le=100)
    """All wipes are frozen when more than this share of all devices is non-compliant ..."""
    spike_devices: int = Field(100, ge=1, le=100_000)
    """... or more than this many above the median of seven days ..."""
    spike_factor: int = Field(3, ge=1, le=100)
    """... or more than this many times the median."""
    spike_floor: int = Field(5, ge=0, le=1000)
    """So few non-compliant devices are never a spike."""
    error_free_wipes: int = Field(10, ge=0, le=100)
    """None of the first so many wipes may fail; one that does freezes all wipes."""
    error_percent: int = Field(10, ge=0, le=100)
    """After them, so much of the last 20 wipes may fail."""
    unknown_wipes: int = Field(1, ge=0, le=10)
    """Of so many wipes at once it may be unknown whether they happened; one more freezes all wipes."""
    back_percent: int = Field(90, ge=0, le=100)
    """All wipes are frozen when fewer of the last 20 wiped devices than this came back ..."""
    back_hours: int = Field(72, ge=1, le=720)
    """... within this time."""
    serial_rest_days: int = Field(30, ge=1, le=365)
    """One wipe of a serial number in this time; a second one is left to a person."""
    serial_wipes_per_year: int = Field(2, ge=1, le=12)
    """So many wipes of a serial number in 365 days; one more is left to a person."""
    user_rest_days: int = Field(7, ge=0, le=365)
    """One wipe of an owner's devices in this time."""
    site_wipes_per_hour: int = Field(3, ge=1, le=100)
    """So many wipes in 60 minutes at one office (the owners' officeLocation); owners without one are not counted."""

    approvals_by_one: int = Field(5, ge=0, le=100)
    """So many wipes a day one person approves alone; each further one needs a second person. 0: each wipe needs two."""

    mail_from: str | None = Field(None, pattern=r"^[^\s/\\]{1,256}$")
    """Mailbox (UPN or id) that mails to users come from; empty: nobody is told anything by mail."""
    support_contact: str | None = Field(None, max_length=200)
    """Whom users can ask, as it shall stand in the mails: a name, a phone number, an address."""
    language: Literal["en", "de"] = "en"
    """Language of the mails to users."""
    time_zone: ZoneName = "UTC"
    """IANA name (Europe/Berlin) of the time zone of HANDOVER_WIPE_HOURS and of the times in mails."""
    grace_hours: int = Field(24, ge=0, le=336)
    """With HANDOVER_MAIL_FROM: how long before a wipe the owner is told. 0: they are not told."""
    deferral_hours: int = Field(24, ge=1, le=168)
    """By how much the owner may put a wipe off, each time."""
    deferrals: int = Field(2, ge=0, le=10)
    """How often the owner may put a wipe off."""
    auto_until: Day | None = None
    """Last day (UTC, YYYY-MM-DD) on which mode auto is auto. Without it, after it, or too long before it, auto behaves as approve."""
    armed_days: int = Field(7, ge=1, le=31)
    """Mode auto is auto only when HANDOVER_AUTO_UNTIL is at most so many days ahead."""
    wipe_hours: str | None = None
    """When wipes may be sent, such as "Mon-Fri 18:00-06:00, Sat 00:00-24:00" in HANDOVER_TIME_ZONE; empty: at any time."""
    operators_mail: Words = ()
    """Addresses that get the report of the day and what needs a person, from the mailbox of HANDOVER_MAIL_FROM."""
    teams_webhook: SecretStr | None = None
    """Secret URL of a Teams workflow that takes Adaptive Cards: what needs a person is posted there."""
    app_url: HttpUrl | None = None
    """Set by infra/. Public URL of this app, where the links in mails and notices lead to; without it they hold none."""
    development_principal: str | None = Field(None, pattern=_PLAYED)
    """Development only, refused on Azure: who acts when nobody signs in, as ann@contoso.com;Approver,Operator."""

    @field_validator(
        "subscribe_to",
        "staging_accounts",
        "excluded_devices",
        "excluded_users",
        "licence_skus",
        "owners",
        "licence_swap_from",
        "operators_mail",
        "reenrol_for",
        "ramp",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        if ";" in value:
            raise ValueError("separate the parts of a list by commas")
        return tuple(word.strip() for word in value.split(",") if word.strip())

    @field_validator("reenrol_for")
    @classmethod
    def _are_full_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(re.fullmatch(r"\w+\.\w+", name) is None for name in value):
            raise ValueError("must be full names of settings, such as Windows10CompliancePolicy.BitLockerEnabled")
        return value

    @field_validator("owners")
    @classmethod
    def _name_one_owner_each(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Raises ValueError for an entry that is not serial=owner, and for a PC with two owners."""
        serials = [_owner_of(entry)[0] for entry in value]
        if len(set(serials)) != len(serials):
            raise ValueError("a serial number is listed twice")
        return value

    @model_validator(mode="after")
    def _have_what_the_licence_way_needs(self) -> Self:
        if self.licence_way is LicenceWay.GROUP and self.licence_group is None:
            raise ValueError("HANDOVER_LICENCE_WAY=group needs HANDOVER_LICENCE_GROUP")
        if self.licence_way is LicenceWay.SWAP and not self.licence_swap_from:
            raise ValueError("HANDOVER_LICENCE_WAY=swap needs HANDOVER_LICENCE_SWAP_FROM")
        if both := set(self.licence_skus) & set(self.licence_swap_from):
            raise ValueError(f"{', '.join(sorted(both))} cannot be both given and taken")
        return self

    @model_validator(mode="after")
    def _know_where_to_trace_to(self) -> Self:
        if self.telemetry == "azure_monitor" and not (
            self.application_insights and self.application_insights.get_secret_value()
        ):
            raise ValueError("HANDOVER_TELEMETRY=azure_monitor needs APPLICATIONINSIGHTS_CONNECTION_STRING")
        return self

    @model_validator(mode="after")
    def _play_nobody_on_azure(self) -> Self:
        if self.development_principal is not None and runs_on_azure():
            raise ValueError("HANDOVER_DEVELOPMENT_PRINCIPAL is for a development machine; on Azure people sign in")
        return self

    @field_validator("enrolment_attested_groups", mode="before")
    @classmethod
    def _group_ids(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        groups = tuple(word.strip() for word in value.split(",") if word.strip())
        if len(groups) > MOST_ATTESTED_GROUPS:
            raise ValueError(f"name at most {MOST_ATTESTED_GROUPS} groups")
        if not all(re.fullmatch(_GROUP_ID, group) for group in groups):
            raise ValueError("every part must be the id of a group")
        return groups

    @field_validator("wipe_hours")
    @classmethod
    def _are_hours(cls, value: str | None) -> str | None:
        if value:
            WeeklyHours.parse(value, "UTC")
        return value or None

    @field_validator("teams_webhook")
    @classmethod
    def _is_https(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        url = value.get_secret_value()
        if url.startswith("@Microsoft.KeyVault"):
            raise ValueError("the Key Vault reference was not resolved: the app cannot read the secret")
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname or parts.username is not None:
            raise ValueError("must be an https:// URL")
        return value

    @field_validator("ramp")
    @classmethod
    def _steps(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not 1 <= len(value) <= 10 or not all(re.fullmatch(r"[1-9]\d?", step, re.ASCII) for step in value):
            raise ValueError("must be 1 to 10 numbers from 1 to 99, separated by commas")
        return value

    @field_validator("client_state", "client_state_previous")
    @classmethod
    def _short_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        if value.get_secret_value().startswith("@Microsoft.KeyVault"):
            raise ValueError("the Key Vault reference was not resolved: the app cannot read the secret")
        if not 16 <= len(value.get_secret_value()) <= 128:
            raise ValueError("must have 16 to 128 characters")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # as inherited
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # as inherited
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, and the names in it that nobody reads, so that they are refused beside every other problem."""
        return init_settings, env_settings, _UnknownNames(settings_cls)

    @property
    def group_ids(self) -> tuple[str, ...]:
        """The groups whose members are subscribed to."""
        found = (_GROUP_MEMBERS.fullmatch(resource.strip("/")) for resource in self.subscribe_to)
        return tuple(match["id"].lower() for match in found if match)

    def policy(self) -> Policy:
        """The administrators' wishes as the rules see them."""
        return Policy(
            mode=self.mode,
            staging_accounts=tuple(account.lower() for account in self.staging_accounts),
            excluded_devices=frozenset(name.lower() for name in self.excluded_devices),
            excluded_users=frozenset(upn.lower() for upn in self.excluded_users),
            licence_skus=self.licence_skus,
            usage_location=self.usage_location,
            owners=tuple(_owner_of(entry) for entry in self.owners),
            licence_way=self.licence_way,
            licence_group=self.licence_group,
            licence_swap_from=self.licence_swap_from,
            reclaim_staging_licence=self.reclaim_staging_licence,
            enrolment_attestation=self._attestation(),
            noncompliant_for=timedelta(hours=self.noncompliant_hours),
            last_sync_within=timedelta(hours=self.last_sync_hours),
            reenrol_for=frozenset(name.lower() for name in self.reenrol_for),
            wipes_per_hour=self.wipes_per_hour,
            wipes_per_day=self.wipes_per_day,
            wipes_in_flight=self.wipes_in_flight,
            wipes_per_day_percent=self.wipes_per_day_percent,
            ramp=tuple(int(step) for step in self.ramp),
            spike_percent=self.spike_percent,
            spike_devices=self.spike_devices,
            spike_factor=self.spike_factor,
            spike_floor=self.spike_floor,
            error_free_wipes=self.error_free_wipes,
            error_percent=self.error_percent,
            unknown_wipes=self.unknown_wipes,
            back_percent=self.back_percent,
            back_within=timedelta(hours=self.back_hours),
            serial_rest=timedelta(days=self.serial_rest_days),
            serial_wipes_per_year=self.serial_wipes_per_year,
            user_rest=timedelta(days=self.user_rest_days),
            site_wipes_per_hour=self.site_wipes_per_hour,
            approvals_by_one=self.approvals_by_one,
            exclusion_group=self.exclusion_group.lower() if self.exclusion_group else None,
            recovery_key_required=self.bitlocker_key == "require",
            approval_policy_expected=self.expect_multi_admin_approval,
            tells_owner=self.mail_from is not None,
            grace=timedelta(hours=self.grace_hours),
            deferral=timedelta(hours=self.deferral_hours),
            deferrals=self.deferrals,
            auto_until=self.auto_until,
            armed_days=self.armed_days,
            wipe_hours=WeeklyHours.parse(self.wipe_hours, self.time_zone) if self.wipe_hours else None,
        )

    def _attestation(self) -> EnrolmentAttestation | None:
        if self.enrolment_attested_by is None or self.enrolment_attested_on is None:
            return None
        return EnrolmentAttestation(
            by=self.enrolment_attested_by,
            on=self.enrolment_attested_on,
            scope=self.enrolment_attested_scope,
            group_ids=tuple(group.lower() for group in self.enrolment_attested_groups),
        )
