"""Runs on disk: what was received in a run, the bag that holds it, and a replay of its decisions."""

from altmarl_ros.records.run_record import Configuration, FloorRow, RunLog, RunRecord, StatusRow

__all__ = ["Configuration", "FloorRow", "RunLog", "RunRecord", "StatusRow"]
