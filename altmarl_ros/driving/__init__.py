"""From a goal to a velocity that is safe, for one robot on wheels, without ROS."""
