"""One tick between coordinator and robots, without ROS: messages, draw, verdicts, decision, standby and budget."""
