"""The trainer's services, parameters and progress, and nothing learned: for the dashboard's tests."""


from std_srvs.srv import Trigger

from altmarl_ros.msg import TrainingProgress
from altmarl_ros.nodes.guarded import GuardedNode
from altmarl_ros.nodes.parameters import Parameter, declare, watch
from altmarl_ros.nodes.qos import latched_qos
from altmarl_ros.nodes.running import run

PARAMETERS = (Parameter("rounds", 3, "Rounds of best responses.", 1, 50, live=True),)


class TinyTrainer(GuardedNode):
    def __init__(self):
        super().__init__("trainer")
        self._values = declare(self, PARAMETERS)
        watch(self, PARAMETERS, self._values, lambda values, names: None, lambda made, names: None)
        self._publisher = self.create_publisher(TrainingProgress, "~/progress", latched_qos())
        self._state = TrainingProgress.IDLE
        for verb in ("train", "cancel", "deploy", "rollback"):
            self.create_service(Trigger, f"~/{verb}", getattr(self, f"_{verb}"))
        self._tell(TrainingProgress.IDLE)

    def _tell(self, state, **fields):
        self._state = state
        self._publisher.publish(TrainingProgress(state=state, game="warehouse", policy_id=0xABC, **fields))

    def _train(self, request, response):
        self._tell(
            TrainingProgress.READY, fraction=1.0, elapsed=2.0, candidate_id=0xDEF, value=80.0, value_half_width=1.0,
            candidate_value=90.0, candidate_value_half_width=1.0, gain=10.0, gain_half_width=0.5, shadow_ticks=20,
            shadow_agreed=15,
        )  # fmt: skip
        response.success = True
        return response

    def _cancel(self, request, response):
        self._tell(TrainingProgress.CANCELLED)
        response.success = True
        return response

    def _deploy(self, request, response):
        response.success = self._state == TrainingProgress.READY
        response.message = "" if response.success else "nothing is ready to be deployed"
        if response.success:
            self._tell(TrainingProgress.DEPLOYED, kept=[0xABC], elapsed=3.0)
        return response

    def _rollback(self, request, response):
        response.success = self._state == TrainingProgress.DEPLOYED
        response.message = "" if response.success else "no policy to return to"
        if response.success:
            self._tell(TrainingProgress.READY, fraction=1.0)
        return response


if __name__ == "__main__":
    raise SystemExit(run(lambda: [TinyTrainer()]))
