"""The worked example of docs/tenant.md: each command is run, in its order, and prints what the document says."""

import asyncio
import os
import re
import shlex
import sys
from pathlib import Path

from local.storage import make
from local.tenant.populate import tenant_of
from local.tenant.scenario import parse
from local.tenant.server import TenantServer
from tests.tenant_setup.deliveries import a_hash
from tests.tenant_setup.desk import empty_tenant

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = REPOSITORY / "docs" / "tenant.md"
BLOCK = re.compile(r"```console\n\$ (?P<command>.*)\n(?P<output>(?:.*\n)*?)```")
OWNER = "ann@contoso.example"


def delivery(folder: Path) -> None:
    lines = [
        "serial,hash,owner",
        f"5CG0001,{a_hash(1)},{OWNER}",
        f"5CG0002,{a_hash(2)[:-3]},{OWNER}",
        f"5CG0003,{a_hash(3)},",
    ]
    (folder / "delivery.csv").write_text("\n".join(lines))


async def run(command: str, folder: Path, url: str, storage: str) -> str:
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "local.cli", "tenant"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words[1:4],
        "--sign-in",
        "simulated",
        *words[4:],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "GRAPH_BASE_URL": url,
            "AzureWebJobsStorage": storage,
            "COLUMNS": "200",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()


async def test_the_commands_print_what_the_document_says(tmp_path: Path, azurite_account: str) -> None:
    text = DOCUMENT.read_text()
    examples = list(BLOCK.finditer(text))
    assert len(examples) == 6
    (tmp_path / "tenant.example.toml").write_text((REPOSITORY / "tenant.example.toml").read_text())
    delivery(tmp_path)
    await make(azurite_account)
    server = TenantServer(tenant_of(parse(empty_tenant(users=[{"upn": OWNER}]))), speed=300)
    await server.start()
    printed = text
    try:
        for example in examples:
            output = await run(example["command"], tmp_path, server.base_url, azurite_account)
            output = re.sub(r"(looked at )[0-9T:.+-]+", r"\g<1>2026-03-02T08:20:00+00:00", output)
            printed = printed.replace(example[0], f"```console\n$ {example['command']}\n{output}```")
    finally:
        await server.stop()
    if os.environ.get("WRITE_THE_DOCUMENT"):
        DOCUMENT.write_text(printed)
    assert printed == text
