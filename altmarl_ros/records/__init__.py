"""Runs on disk: what was received in a run, the bag that holds it, and a replay of its decisions."""

from altmarl_ros.records.rows import Configuration, FloorRow, StatusRow
from altmarl_ros.records.run_log import RunLog
from altmarl_ros.records.run_record import RunRecord

__all__ = ["Configuration", "FloorRow", "RunLog", "RunRecord", "StatusRow"]
