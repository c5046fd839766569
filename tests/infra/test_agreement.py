"""What infra/ creates and sets is what the code asks for: queues, tables, settings, the way in."""

import ast
import json
import re
from pathlib import Path

import pytest

from shared import names
from shared.settings import Settings

REPOSITORY = Path(__file__).parents[2]
INFRA = REPOSITORY / "infra"

# only for the development machine, where there is no identity
NEVER_ON_AZURE = {"AzureWebJobsStorage", "HANDOVER_CREDENTIAL", "HANDOVER_DEVELOPMENT_PRINCIPAL"}


def listed(variable: str) -> tuple[str, ...]:
    """The words of ``var NAME = ['a', 'b']`` in main.bicep."""
    found = re.search(rf"var {variable} = \[(.*?)\]", (INFRA / "main.bicep").read_text(), re.DOTALL)
    assert found is not None, f"main.bicep has no list {variable}"
    return tuple(re.findall(r"'([^']+)'", found.group(1)))


def decorated_with(decorator: str, position: int, keyword: str) -> set[str]:
    """One text argument of each use of ``app.DECORATOR`` in function_app.py.

    Read from the source: azure.functions lets an app be asked for its functions only once in a process.
    """
    found: set[str] = set()
    for call in ast.walk(ast.parse((REPOSITORY / "function_app.py").read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == decorator:
            named = {argument.arg: argument.value for argument in call.keywords}
            found.add(ast.literal_eval(named.get(keyword) or call.args[position]))
    return found


def settings_that_are_read() -> set[str]:
    prefix = Settings.model_config.get("env_prefix", "")
    return {
        str(field.validation_alias) if field.validation_alias else prefix + name.upper()
        for name, field in Settings.model_fields.items()
    }


def settings_that_are_set() -> set[str]:
    function = (INFRA / "modules" / "function.bicep").read_text()
    parameters = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    in_function = re.findall(
        r"^\s+(?:: \{ )?((?:AzureWebJobsStorage|HANDOVER|GRAPH|AZURE)_\w+|APPLICATIONINSIGHTS_CONNECTION_STRING):",
        function,
        re.MULTILINE,
    )
    return {*in_function, *parameters["settings"]["value"]}


def test_the_queues_and_tables_of_the_code_are_created() -> None:
    assert listed("queues") == names.QUEUES
    assert listed("tables") == names.TABLES


def test_each_queue_gets_its_poison_queue() -> None:
    storage = (INFRA / "modules" / "storage.bicep").read_text()
    assert "map(queues, queue => '${queue}-poison')" in storage
    assert "for queueName in concat(queues, poisonQueues)" in storage


def test_every_queue_that_a_function_listens_on_is_created() -> None:
    created = {*listed("queues"), *(f"{queue}-poison" for queue in listed("queues"))}
    listened = decorated_with("queue_trigger", 1, "queue_name")
    assert listened <= created
    assert listened, "no function listens on any queue"


def test_every_setting_that_the_code_reads_can_be_set() -> None:
    assert settings_that_are_read() - settings_that_are_set() == NEVER_ON_AZURE


def test_every_setting_of_ours_that_is_set_is_read() -> None:
    ours = {name for name in settings_that_are_set() if not name.startswith("AzureWebJobsStorage")}
    assert ours <= settings_that_are_read()


def test_parameters_take_each_setting_from_the_variable_of_the_same_name() -> None:
    parameters = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    assert all(value == f"${{{name}}}" for name, value in parameters["settings"]["value"].items())


def test_the_notification_url_is_the_route_of_the_function_that_takes_them() -> None:
    (route,) = (route for route in decorated_with("route", 0, "route") if "notification" in route)
    prefix = json.loads((REPOSITORY / "host.json").read_text())["extensions"]["http"]["routePrefix"]
    function = (INFRA / "modules" / "function.bicep").read_text()
    assert f"'https://${{app.properties.defaultHostName}}/{prefix}/{route}'" in function


def test_azd_deploys_its_service_to_the_tagged_app() -> None:
    main = (INFRA / "main.bicep").read_text()
    assert "'azd-service-name': serviceName" in (INFRA / "modules" / "function.bicep").read_text()
    assert "serviceName: front == 'single' ? 'api' : front" in main and "serviceName: part" in main
    assert services_of(REPOSITORY / "azure.yaml") == ["api"]
    assert services_of(INFRA / "split" / "azure.yaml") == ["intake", "worker", "wiper"]


def services_of(azure_yaml: Path) -> list[str]:
    document = azure_yaml.read_text()
    return re.findall(r"^  (\w+):\n    project:", document[: document.index("hooks:")], re.MULTILINE)


@pytest.mark.parametrize(
    "azure_yaml", [REPOSITORY / "azure.yaml", INFRA / "split" / "azure.yaml"], ids=["single", "split"]
)
def test_every_path_that_azd_is_given_is_there(azure_yaml: Path) -> None:
    paths = re.findall(r"^\s+(?:run|path|project): (\S+)$", azure_yaml.read_text(), re.MULTILINE)
    assert len(paths) >= 6
    assert [path for path in paths if not (azure_yaml.parent / path).exists()] == []


def test_every_parameter_of_the_template_has_its_place_in_the_parameters_file() -> None:
    parameters = json.loads((INFRA / "main.parameters.json").read_text())["parameters"]
    declared = set(re.findall(r"^param (\w+) ", (INFRA / "main.bicep").read_text(), re.MULTILINE))
    assert declared - set(parameters) == {"budgetFrom"}  # its default is this month
    assert set(parameters) <= declared


def test_every_setting_stands_in_the_documentation() -> None:
    documented = (REPOSITORY / "docs" / "settings.md").read_text()
    assert [name for name in settings_that_are_read() if f"`{name}`" not in documented] == []


def test_local_settings_start_the_app_as_func_start_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads((REPOSITORY / "local.settings.example.json").read_text())
    assert document["IsEncrypted"] is False
    values: dict[str, str] = document["Values"]
    assert all(isinstance(value, str) for value in values.values()), "func takes texts only"
    assert values["FUNCTIONS_WORKER_RUNTIME"] == "python"
    known = settings_that_are_read() | {"FUNCTIONS_WORKER_RUNTIME"}
    assert [name for name in values if name not in known and not name.startswith("AzureWebJobs.")] == []
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = Settings()  # pyright: ignore[reportCallIssue]  # values come from the environment
    assert settings.mode.value == "report"


def test_the_host_takes_the_bundle_with_version_5_of_the_storage_queues() -> None:
    host = json.loads((REPOSITORY / "host.json").read_text())
    assert host["version"] == "2.0"
    assert host["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.*, 5.0.0)",
    }
