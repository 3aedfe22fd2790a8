"""The robot's node: its subscriptions to the coordinator, and the simulated robot or vehicle through which it acts."""
