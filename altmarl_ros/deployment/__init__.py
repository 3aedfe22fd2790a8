"""From a fleet file to the processes to start, and whether they may start, without ROS."""
