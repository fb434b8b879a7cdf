"""Whether a fleet still is what its plan said: drift, what it costs, and rows to calibrate on.

facts.py gathers what was planned and what was seen; changes.py finds in a daily series the day from
which it is another; speed.py, demand.py, prices.py, counts.py and versions.py each look at one kind
of drift; again.py plans anew with what drifted; rows.py makes measured rows of what was served.
"""
