"""Metrics, alerts and logs of a running installation."""
