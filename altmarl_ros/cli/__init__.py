"""The `altmarl` command: one module per sub-command in `commands`, and what they share.

Nothing here is an API; from Python use `altmarl_ros` itself (`library`).
"""

__all__: list[str] = []
