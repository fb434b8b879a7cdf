"""What a fleet did: read from any source, kept in one dated store, given to its owners."""

from importlib.util import find_spec

from gpumix.errors import InputError, Problem

if _missing := [n for n in ("duckdb", "pyarrow", "httpx", "hostlist") if find_spec(n) is None]:
    raise InputError(
        Problem("fleet", f"needs {', '.join(_missing)}", "pip install 'gpumix[fleet]'")
    )
