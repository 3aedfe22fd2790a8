"""Runs on disk: what was heard in a run, the bag that holds it, and a replay of its decisions."""
