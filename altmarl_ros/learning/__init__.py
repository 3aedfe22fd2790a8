"""How policies are found and certified: alternating best responses, their evaluation, and the NashGap.
The package hands on what is light; import modules that load the compiled solver by name, where they are needed.
"""

from altmarl_ros.learning.training_job import Report, TrainingJob, TrainingRequest

__all__ = ["Report", "TrainingJob", "TrainingRequest"]
