"""README shows what the demo really prints."""

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BEGIN, END = "```text\n", "```\n<!-- /demo -->"


async def test_the_terminal_excerpt_in_the_readme_is_what_the_demo_prints(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = [line.rstrip() for line in readme[readme.index(BEGIN) + len(BEGIN) : readme.index(END)].splitlines()]
    printed = tmp_path / "demo.txt"
    with printed.open("wb") as output:
        demo = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "local.demo", cwd=ROOT, stdout=output, env={**os.environ, "COLUMNS": "110"}
        )
        assert await demo.wait() == 0
    lines = iter([line.rstrip() for line in printed.read_text(encoding="utf-8").splitlines()])
    missing = [line for line in shown if line and not any(line == one for one in lines)]
    assert missing == [], "the excerpt must be lines of the demo, in its order"
