"""The `link` executable: the bridge between the ROS network of this machine and a thin link."""
