"""One tick between coordinator and robots, without ROS: messages, draw, verdicts, decision, standby and budget."""

from altmarl_ros.protocol.messages import Report, Tick, Verdict, game_tag, is_newer, new_session

__all__ = ["Report", "Tick", "Verdict", "game_tag", "is_newer", "new_session"]
