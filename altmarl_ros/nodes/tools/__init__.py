"""Nodes of operators: recording, dashboards, markers, probes."""
