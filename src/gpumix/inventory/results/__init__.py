"""Result files of benchmark tools -> measured rows in the points contract's columns.

reader.py opens a file and knows whose it is by what it holds; vllm_bench.py, sglang_bench.py,
guidellm.py, aiperf.py and inference_perf.py each read one tool's format, units and all, into a Run;
checks.py holds a Run against itself; rows.py lays it out as points. points.py reads measured points
as they are. Every problem of every file is reported at once.
"""

from gpumix.inventory.results.reader import Results, read_results
from gpumix.inventory.results.rows import COLUMNS, Stated

__all__ = ["COLUMNS", "Results", "Stated", "read_results"]
