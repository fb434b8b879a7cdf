"""Which resources to choose: a mix problem in, the cheapest plan out, with a proof and reasons.

Numbers only: nothing here knows what a GPU or a token is. `read_problem` and `solution_to_dict`
are the JSON forms; `solve` finds the plan; `price` and `check` judge any plan by arithmetic of
their own; `conflict`, `needed` and `restricted` explain.
"""

from gpumix.mix.cluster import busiest
from gpumix.mix.digits import settled
from gpumix.mix.effort import EFFORTS, NORMAL, QUICK, THOROUGH, Effort
from gpumix.mix.explain import (
    needed,
    relaxed,
    restricted,
)
from gpumix.mix.highs import NEVER, Deadline, OutOfTime
from gpumix.mix.plan import (
    BlockPlan,
    Solution,
    check,
    delivered_rate,
    instances,
    price,
    relative_gap,
    solution_to_dict,
    used_groups,
)
from gpumix.mix.problem import (
    Block,
    CashLimit,
    Config,
    Group,
    Problem,
    Resource,
    Shift,
    Term,
    Workload,
    limits,
)
from gpumix.mix.quickxplain import minimal_conflict
from gpumix.mix.read import check_problem, most_rate, problem_to_dict, read_problem
from gpumix.mix.shortlist import Shortlist, shortlist, shortlists
from gpumix.mix.solve import check_ends, conflict, feasible, solve, whole_numbers
from gpumix.mix.worth import at_worth

__all__ = [
    "EFFORTS",
    "NEVER",
    "NORMAL",
    "QUICK",
    "THOROUGH",
    "Block",
    "BlockPlan",
    "CashLimit",
    "Config",
    "Deadline",
    "Effort",
    "Group",
    "OutOfTime",
    "Problem",
    "Resource",
    "Shift",
    "Shortlist",
    "Solution",
    "Term",
    "Workload",
    "at_worth",
    "busiest",
    "check",
    "check_ends",
    "check_problem",
    "conflict",
    "delivered_rate",
    "feasible",
    "instances",
    "limits",
    "minimal_conflict",
    "most_rate",
    "needed",
    "price",
    "problem_to_dict",
    "read_problem",
    "relative_gap",
    "relaxed",
    "restricted",
    "settled",
    "shortlist",
    "shortlists",
    "solution_to_dict",
    "solve",
    "used_groups",
    "whole_numbers",
]
