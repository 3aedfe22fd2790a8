"""Nodes of operators, which observe a fleet: recorder, dashboard, markers, probes, parameters of other nodes."""
