"""After the plan: whether it still holds, what to do where it does not, and what then differs.

drift.py holds a fleet to its plan: facts.py gathers what was planned and what was seen, changes.py
finds in a daily series the day from which it is another, speed.py, demand.py, prices.py, counts.py
and versions.py each look at one kind of drift, again.py plans anew with what drifted, rows.py makes
measured rows of what was served. replan.py plans from what stands on a later day: standing.py,
remaining.py, kept.py and switching.py. difference.py sets two plans side by side, with inputs.py
for why they differ and conditions.py for what may not.
"""
