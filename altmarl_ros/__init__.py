"""ROS 2 control of fleets whose coordinator hears only a few robots per tick (arXiv 2603.03759)."""

from pkgutil import extend_path

# The generated messages are installed; run from a checkout, the modules are those of the checkout.
__path__ = extend_path(__path__, __name__)

__version__ = "0.1.0"
