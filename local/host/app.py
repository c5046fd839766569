"""Load a v2 `function_app.py` and say what it declares: functions, their triggers and their queue outputs."""

import importlib.util
import inspect
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

import azure.functions as func
from azure.functions import FunctionRegister
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from local.host.bindings import accepts_output
from local.host.configuration import HostError, expand

AuthLevel = Literal["ANONYMOUS", "FUNCTION", "ADMIN"]
RETURN = "$return"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTrigger:
    """An HTTP route without prefix; no methods means all methods."""

    parameter: str
    route: str
    methods: frozenset[str]
    auth_level: AuthLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTrigger:
    """A queue and the app setting with its connection string. `plain`: the function wants bare text."""

    parameter: str
    queue: str
    connection: str
    binary: bool
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerTrigger:
    """An NCRONTAB schedule in UTC. `plain`: the function wants JSON text, not a TimerRequest."""

    parameter: str
    schedule: str
    run_on_startup: bool
    use_monitor: bool
    plain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueOutput:
    """Where an output goes. `annotation` is the X of `func.Out[X]`, None when there is none."""

    parameter: str
    queue: str
    connection: str
    annotation: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function of the app. `not_run` says why this host leaves it alone; then `trigger` is None."""

    name: str
    call: Callable[..., object]
    directory: Path
    trigger: HttpTrigger | QueueTrigger | TimerTrigger | None
    outputs: Sequence[QueueOutput] = ()
    wants_context: bool = False
    not_run: str | None = None


class _Binding(BaseModel):
    """One binding as the worker reports it to the host (the content of a function.json)."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    type: str
    name: str
    direction: str
    data_type: str | None = None
    connection: str = ""
    queue_name: str = ""
    schedule: str = ""
    run_on_startup: bool = False
    use_monitor: bool = True
    route: str = ""
    methods: tuple[str, ...] = ()
    auth_level: str = "FUNCTION"


def load(app_dir: Path, environ: Mapping[str, str]) -> list[Function]:
    """Import `function_app.py` afresh and read its functions.

    Modules that it imports are imported once per process, as always. Raises HostError when there is no app,
    more than one, or a function that the worker would refuse.
    """
    module = _import(app_dir)
    apps = [value for value in vars(module).values() if isinstance(value, FunctionRegister)]
    if len(apps) != 1:
        raise HostError(f"{module.__file__} must have exactly one FunctionApp at its top level, it has {len(apps)}")
    try:
        return [_read(function, app_dir, environ) for function in apps[0].get_functions()]
    except ValueError as error:  # what the library raises for a bad app, such as two functions of one name
        raise HostError(str(error)) from error


def _import(app_dir: Path) -> ModuleType:
    path = app_dir.resolve() / "function_app.py"
    spec = importlib.util.spec_from_file_location("function_app", path)
    if not path.exists() or spec is None or spec.loader is None:
        raise HostError(f"there is no {path}")
    if sys.path[0] != str(path.parent):
        sys.path.insert(0, str(path.parent))
    module = importlib.util.module_from_spec(spec)
    sys.modules["function_app"] = module
    spec.loader.exec_module(module)
    return module


def _read(function: func.Function, app_dir: Path, environ: Mapping[str, str]) -> Function:
    name = str(function.get_function_name())
    call: Callable[..., object] = function.get_user_function()
    bindings = [_Binding.model_validate_json(text) for text in function.get_raw_bindings()]
    reason = _reason_not_to_run(name, bindings, environ)
    if reason:
        return Function(name=name, call=call, directory=app_dir, trigger=None, not_run=reason)
    try:
        hints = typing.get_type_hints(call)
        _check_signature(call, bindings, hints)
        return Function(
            name=name,
            call=call,
            directory=app_dir,
            trigger=next(_trigger(binding, hints, environ) for binding in bindings if binding.direction == "IN"),
            outputs=[_output(binding, hints, environ) for binding in bindings if binding.type == "queue"],
            wants_context="context" in set(inspect.signature(call).parameters) - {binding.name for binding in bindings},
        )
    except (HostError, NameError) as error:
        raise HostError(f"cannot load the {name} function: {error}") from error


def _reason_not_to_run(name: str, bindings: Sequence[_Binding], environ: Mapping[str, str]) -> str | None:
    setting = f"AzureWebJobs.{name}.Disabled"
    if environ.get(setting, environ.get(setting.replace(".", "_"), "")).lower() in ("true", "1"):
        return f"disabled by {setting}"
    for binding in bindings:
        known = binding.type in ("httpTrigger", "queueTrigger", "timerTrigger", "queue")
        if not known and (binding.type, binding.name) != ("http", RETURN):
            return f"{binding.type} is not supported here"
    return None


def _check_signature(call: Callable[..., object], bindings: Sequence[_Binding], hints: Mapping[str, object]) -> None:
    """Refuse what the worker refuses: parameters without binding, bindings without parameter, wrong Out."""
    bound = {binding.name for binding in bindings if binding.name != RETURN}
    declared = set(inspect.signature(call).parameters) - ({"context"} - bound)
    if declared != bound:
        raise HostError(f"parameters {sorted(declared)} and bindings {sorted(bound)} are not the same")
    for binding in bindings:
        hint = hints.get(binding.name)
        is_out = typing.get_origin(hint) is func.Out
        if hint is not None and is_out != (binding.direction == "OUT"):
            raise HostError(f"func.Out belongs to output bindings, and only to them: {binding.name}")
        if is_out and not accepts_output(typing.get_args(hint)[0]):
            raise HostError(f"{binding.name}: {hint} is not accepted; use str, bytes, QueueMessage or typing.List[str]")


def _trigger(
    binding: _Binding, hints: Mapping[str, object], environ: Mapping[str, str]
) -> HttpTrigger | QueueTrigger | TimerTrigger:
    hint = hints.get(binding.name)
    plain = hint is str or hint is bytes
    if binding.type == "queueTrigger":
        return QueueTrigger(
            parameter=binding.name,
            queue=_queue_name(binding, environ),
            connection=binding.connection,
            binary=binding.data_type == "BINARY",
            plain=plain,
        )
    if binding.type == "timerTrigger":
        return TimerTrigger(
            parameter=binding.name,
            schedule=expand(binding.schedule, environ),
            run_on_startup=binding.run_on_startup,
            use_monitor=binding.use_monitor,
            plain=plain,
        )
    return HttpTrigger(
        parameter=binding.name,
        route=binding.route.strip("/"),
        methods=frozenset(method.upper() for method in binding.methods),
        auth_level=_auth_level(binding.auth_level),
    )


def _output(binding: _Binding, hints: Mapping[str, object], environ: Mapping[str, str]) -> QueueOutput:
    hint = hints.get("return" if binding.name == RETURN else binding.name)
    arguments = typing.get_args(hint)
    return QueueOutput(
        parameter=binding.name,
        queue=_queue_name(binding, environ),
        connection=binding.connection,
        annotation=arguments[0] if typing.get_origin(hint) is func.Out else hint,
    )


def _queue_name(binding: _Binding, environ: Mapping[str, str]) -> str:
    name = expand(binding.queue_name, environ).lower()
    if "{" in name:
        raise HostError(f"binding expressions are not supported here: {name}")
    return name


def _auth_level(text: str) -> AuthLevel:
    match text.upper():
        case "ANONYMOUS" | "FUNCTION" | "ADMIN" as level:
            return level
        case _:
            raise HostError(f"unknown authorization level {text}")
