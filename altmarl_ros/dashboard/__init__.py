"""The operator's web page, without ROS: what is known of a fleet, what browsers get of it, who may change something."""
