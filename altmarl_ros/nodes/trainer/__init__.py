"""The trainer's node, which learns new policies beside a running fleet.

`node` is its executable; `client` is how others ask it.
"""

__all__: list[str] = []
