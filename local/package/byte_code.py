"""Compiles the app and its packages to .pyc that is never checked against a source: a program for the target Python.

Usage: python byte_code.py APP SITE_PACKAGES DEPLOYED_AT
"""

import py_compile
import sys
from pathlib import Path, PurePosixPath

_MODE = py_compile.PycInvalidationMode.UNCHECKED_HASH
_READS_ITS_SOURCE = ("anyio",)
"""anyio takes from its own source what it imports when asked for; without it, it imports everything (15 ms)."""


def compile_all(app: Path, site_packages: Path, deployed_at: PurePosixPath) -> None:
    """Compile every .py of ``app``, in order. Raises py_compile.PyCompileError.

    The app keeps its source, as does a package that reads it. In ``site_packages``, which is inside it, x.pyc takes the place of x.py: tracebacks
    lack the text of those lines, and the package a third of its weight. The file names in the code are those at
    ``deployed_at``, so that the result does not depend on where it is built.
    """
    for source in sorted(app.rglob("*.py")):
        shown = str(deployed_at / source.relative_to(app).as_posix())
        if source.is_relative_to(site_packages) and source.relative_to(site_packages).parts[0] not in _READS_ITS_SOURCE:
            compiled = str(source.with_suffix(".pyc"))
            py_compile.compile(str(source), cfile=compiled, dfile=shown, doraise=True, invalidation_mode=_MODE)
            source.unlink()
        else:
            py_compile.compile(str(source), dfile=shown, doraise=True, invalidation_mode=_MODE)


if __name__ == "__main__":
    compile_all(Path(sys.argv[1]), Path(sys.argv[2]), PurePosixPath(sys.argv[3]))
