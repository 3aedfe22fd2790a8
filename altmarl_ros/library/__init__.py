"""The package from Python: build a game, train, evaluate, certify, plot, save and load, as `import altmarl_ros` offers it.
It hands on to the code that the `altmarl` command calls as well; no robot needs it.
"""

from altmarl_ros.library.building import build
from altmarl_ros.library.pair import TrainedPair, load, train

__all__ = ["TrainedPair", "build", "load", "train"]
