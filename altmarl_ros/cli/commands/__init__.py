"""The sub-commands of `altmarl`, one module each.

`cli.command_table` names them, and imports a module when its command is called.
"""

__all__: list[str] = []
