"""Simulated worlds, without ROS: the Markov world, a vectorised fleet, and robots on wheels."""
