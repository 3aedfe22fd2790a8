"""From a fleet file to the processes to start, and whether a robot is ready to move; no module but `launching` needs ROS."""
