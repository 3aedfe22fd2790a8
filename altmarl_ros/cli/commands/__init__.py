"""The sub-commands of `altmarl`, one module each."""
