"""Result files of benchmark tools -> measured rows in the points contract's columns.

reader.py opens a file and knows whose it is by what it holds; vllm_bench.py, sglang_bench.py,
guidellm.py, aiperf.py and inference_perf.py each read one tool's format, units and all, into a Run;
deployed.py reads what a file says of its hardware; checks.py holds a Run against itself; setting.py
compares it with the command line; rows.py lays it out as points. points.py reads measured points as
they are. Every problem of every file is reported at once.
"""

from gpumix.inventory.results.reader import Measured, Results, read_results
from gpumix.inventory.results.rows import COLUMNS
from gpumix.inventory.results.setting import Stated

__all__ = ["COLUMNS", "Measured", "Results", "Stated", "read_results"]
