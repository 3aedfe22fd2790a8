"""The `link` executable: the bridge between the ROS network of this machine and a thin link.

`node` is the executable; what crosses, and who may say it, is decided in `altmarl_ros.links`.
"""

__all__: list[str] = []
