"""The `altmarl` command: one module per sub-command in `commands`, and what they share."""
