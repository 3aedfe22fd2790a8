"""What an operator is shown of a fleet: its health, its ticks and its robots on a map, without ROS."""
