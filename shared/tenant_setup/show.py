"""A plan as lines of text, readable like the plan of an infrastructure tool."""

from collections.abc import Sequence

from shared.domain.tenant_setup import Action, Change, FieldChange, Kind

SIGNS = {
    Action.CREATE: "+",
    Action.ASSIGN: "+",
    Action.LICENSE: "+",
    Action.UPDATE: "~",
    Action.SET_PRIORITY: "~",
    Action.BLOCKED: "!",
    Action.BY_A_PERSON: "?",
}


def plan_lines(changes: Sequence[Change], adopted: Sequence[tuple[Kind, str, str]] = ()) -> list[str]:
    """What is adopted, every change with its properties, and a last line that counts them."""
    lines = [
        f'= {kind.value} "{wanted}": {"is there and fits" if wanted == name else f"{name} is there and fits"}'
        for kind, wanted, name in adopted
    ]
    for change in changes:
        lines += ["", f'{SIGNS[change.action]} {change.action.value}: {change.kind.value} "{change.name}"']
        width = max((len(field.name) for field in change.fields), default=0)
        lines += [f"    {field.name:<{width}}  {_change(field, change.action)}" for field in change.fields]
        if change.why:
            lines.append(f"    # {change.why}")
    return [*lines, "", summary_line(changes)]


def summary_line(changes: Sequence[Change]) -> str:
    """How much of what there is to do."""
    if not changes:
        return "No changes. The tenant is as it shall be."
    made = [change for change in changes if change.action.is_made]
    created = sum(change.action is Action.CREATE for change in made)
    blocked = sum(change.action is Action.BLOCKED for change in changes)
    persons = sum(change.action is Action.BY_A_PERSON for change in changes)
    return f"Plan: {created} to create, {len(made) - created} to change, {blocked} blocked, {persons} for a person."


def _change(field: FieldChange, action: Action) -> str:
    if action in (Action.CREATE, Action.ASSIGN, Action.LICENSE):
        return _quoted(field.after)
    return f"{_quoted(field.before)} -> {_quoted(field.after)}"


def _quoted(value: str) -> str:
    return value if value and value.strip() == value else f'"{value}"'
