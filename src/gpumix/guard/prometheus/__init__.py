"""Prometheus: the plan as series, what is seen beside it, alerts with their tests, their route."""
