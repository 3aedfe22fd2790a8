"""Simulated worlds without ROS: robots as Markov chains, one by one or in arrays, and robots on a physical floor."""

from altmarl_ros.simulation.markov_world import MarkovWorld, Truth, start_shares

__all__ = ["MarkovWorld", "Truth", "start_shares"]
