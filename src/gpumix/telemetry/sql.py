"""Where the heavy statements run: in DuckDB, within this process, or on Spark.

A statement is written once, in DuckDB's SQL; sqlglot translates it for Spark. What is added up in
them are integers, so that both give the same to the last digit: docs/decisions/0027.
"""

from __future__ import annotations

from typing import Any, Final, Literal, Protocol

import duckdb
import pyarrow as pa

from gpumix.errors import InputError, Problem
from gpumix.telemetry.samples import SCHEMA
from gpumix.telemetry.store import Fleet, column_of

Where = Literal["duckdb", "spark"]
"""Where the heavy statements may run."""
_BATCH: Final = 4_000_000
_PRECISION: Final = 1_000_000
"""Parts of a unit that means are added up in."""


class Sql(Protocol):
    """A place that answers statements. `samples_at_once` is how many it is asked about in one go;
    None for all."""

    samples_at_once: int | None

    def register(self, name: str, table: pa.Table) -> None:
        """Call a table by a name, in place of what had it."""

    def take(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """Have a table of the fleet's own connection."""

    def keep(self, name: str, statement: str) -> None:
        """Call the answer to a statement by a name, in place of what had it."""

    def ask(self, statement: str) -> pa.Table:
        """The answer to a statement."""

    def close(self) -> None:
        """Let go of what was kept."""


def opened(where: Where, fleet: Fleet, connection: duckdb.DuckDBPyConnection) -> Sql:
    """The place, with the view `samples`. Raises: InputError where it is not installed."""
    return Spark(fleet) if where == "spark" else DuckDb(connection)


class DuckDb:
    """The connection of the fleet itself."""

    samples_at_once: int | None = _BATCH

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def register(self, name: str, table: pa.Table) -> None:
        """As `Sql`."""
        self._connection.register(name, table)

    def take(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """As `Sql`: it is there already."""

    def keep(self, name: str, statement: str) -> None:
        """As `Sql`."""
        self._connection.execute(f"create or replace temp table {name} as {statement}")

    def ask(self, statement: str) -> pa.Table:
        """As `Sql`."""
        return self._connection.sql(statement).to_arrow_table()

    def close(self) -> None:
        """As `Sql`: who opened the connection closes it."""


class Spark:
    """A session of Spark: the one that runs, else one that Spark's own configuration describes."""

    samples_at_once: int | None = None

    def __init__(self, fleet: Fleet) -> None:
        try:
            import sqlglot
            from pyspark.sql import SparkSession
        except ImportError as error:
            fix = "pip install 'gpumix[spark]'"
            raise InputError(Problem("--on spark", f"{error.name} is not installed", fix)) from None
        self._translate = sqlglot.transpile
        self._is_own = SparkSession.getActiveSession() is None
        try:
            self._session: Any = SparkSession.builder.getOrCreate()
        except Exception as error:  # of the gateway to Java, which has no one type
            fix = "it needs Java 17 or later; `spark-submit --version` says what is there"
            raise InputError(Problem("--on spark", f"does not start: {error}", fix)) from None
        self._session.conf.set("spark.sql.session.timeZone", "UTC")
        self._kept: dict[str, Any] = {}
        if fleet.has_samples:
            folder = str(fleet.folder / "samples")
            files = self._session.read.option("mergeSchema", True).parquet(folder)
            files.createOrReplaceTempView("files")
            names = ", ".join(column_of(name, files.columns) for name in SCHEMA.names)
            self._answer(f"select {names} from files").createOrReplaceTempView("samples")
        else:
            self.register("samples", SCHEMA.empty_table())

    def register(self, name: str, table: pa.Table) -> None:
        """As `Sql`."""
        self._session.createDataFrame(table).createOrReplaceTempView(name)

    def take(self, connection: duckdb.DuckDBPyConnection, name: str) -> None:
        """As `Sql`."""
        self.register(name, connection.sql(f"from {name}").to_arrow_table())

    def keep(self, name: str, statement: str) -> None:
        """As `Sql`."""
        found = self._answer(statement).cache()
        found.createOrReplaceTempView(name)
        self._kept[name] = found

    def ask(self, statement: str) -> pa.Table:
        """As `Sql`."""
        return self._answer(statement).toArrow()

    def _answer(self, statement: str) -> Any:
        (translated,) = self._translate(statement, read="duckdb", write="spark")
        return self._session.sql(translated)

    def close(self) -> None:
        """As `Sql`; a session that was started here ends."""
        for frame in self._kept.values():
            frame.unpersist()
        if self._is_own:
            self._session.stop()


def mean(column: str, weight: str = "1") -> str:
    """SQL of a weighted mean, added up in whole parts: the order of the rows does not matter."""
    parts = f"floor({column} * {_PRECISION} + 0.5)::bigint * {weight}"
    known = f"sum({weight}) filter (where {column} is not null)"
    return f"sum({parts})::double / {_PRECISION} / nullif({known}, 0)"


def floored(amount: str, parts: str) -> str:
    """SQL of a whole-number division that rounds down, of negative amounts too."""
    return f"(({amount} - (({amount} % {parts}) + {parts}) % {parts}) // {parts})"
