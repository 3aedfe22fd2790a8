"""New policies beside a running fleet: candidates, their shadow scores, and policies kept to go back to."""
