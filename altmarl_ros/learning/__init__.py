"""How policies are found and certified: alternating best responses, their evaluation, and the NashGap.
Handed on here is only what is light; modules that load the compiled solver are imported by name, late.
"""

from altmarl_ros.learning.training_job import Report, TrainingJob, TrainingRequest

__all__ = ["Report", "TrainingJob", "TrainingRequest"]
