"""The robot's node: what it hears of the coordinator, and the body or vehicle through which it acts."""
