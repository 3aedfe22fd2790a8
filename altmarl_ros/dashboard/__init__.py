"""The operator's page, without ROS: what is known of a fleet, what is sent to browsers, who may change something."""
