"""The coordinator's node: its ticks, its policy announcements, its standby and its plant."""
