"""`altmarl retrain`: learn a new policy for a running fleet, look at its scores, deploy it or go back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Dict, List, Mapping, Optional, Sequence

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_rclpy
from altmarl_ros.cli.options import Json, Timeout
from altmarl_ros.policy_updates.candidate import Stage

if TYPE_CHECKING:
    from altmarl_ros.nodes.trainer.client import TrainerClient


@dataclass(frozen=True)
class _Request:
    """What the trainer is asked to do.

    Attributes:
        settings: of the trainer that are changed before a training.
        train: whether to learn a candidate.
        deploy: whether to put the candidate in force.
        if_better: put it in force if the lower end of its gain is above this; None: do not compare.
        rollback: whether to put the policy before in force again, and nothing else.
        cancel: whether to end the training that is under way, and nothing else.
    """

    settings: Mapping[str, Any]
    train: bool
    deploy: bool
    if_better: Optional[float]
    rollback: bool
    cancel: bool


def retrain(
    *,
    reward: Annotated[
        Optional[List[str]],
        typer.Option(
            "--reward",
            metavar="NAME=VALUE",
            help="A reward among the parameters of the game's builder; may be given several times.",
        ),
    ] = None,
    of_global: Annotated[Optional[float], typer.Option("--global", help="Weight of the global reward r_g.")] = None,
    of_local: Annotated[Optional[float], typer.Option("--local", help="Weight of the robots' mean local reward r_l.")] = None,
    gamma: Annotated[Optional[float], typer.Option(min=0.0, max=0.9999, help="Discount per tick; 0: the game's own.")] = None,
    k: Annotated[
        Optional[int],
        typer.Option("--k", "-k", min=0, help="Reports per tick to learn for; 0: as in the policy in force."),
    ] = None,
    rounds: Annotated[Optional[int], typer.Option(min=1, help="Most rounds of best responses.")] = None,
    backup: Annotated[Optional[str], typer.Option(help="How G-LEARN computes: auto, shares, exact or sampled.")] = None,
    train: Annotated[bool, typer.Option(help="Learn a candidate; --no-train: use the one that is there.")] = True,
    deploy: Annotated[bool, typer.Option("--deploy", help="Put the candidate in force, whatever its scores are.")] = False,
    if_better: Annotated[
        Optional[float],
        typer.Option(
            min=0.0, metavar="MARGIN", help="Put the candidate in force if the lower end of its gain is above this margin."
        ),
    ] = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put the previous policy in force again.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="End the training that is under way.")] = False,
    trainer: Annotated[str, typer.Option(help="Name of the trainer's node.")] = "/trainer",
    timeout: Timeout = 10.0,
    as_json: Json = False,
) -> None:
    """Retrain a running fleet: a trainer in your ROS domain learns a candidate, scores it on live ticks, and deploys it.

    The given settings stay on the trainer. Exits with 1 if it refuses or fails, or if the candidate is not better.

    Example: altmarl retrain --reward nearby=4 --local 2 --deploy
    """
    if sum((rollback, cancel, deploy or if_better is not None or not train)) > 1:
        raise typer.BadParameter("give one of --rollback, --cancel and what trains or deploys")
    if not (train or deploy or if_better is not None):
        raise typer.BadParameter("--no-train leaves nothing to do without --deploy or --if-better")
    given = {
        "reward.parameters": _reward_parameters(reward or ()),
        "reward.global": of_global,
        "reward.local": of_local,
        "gamma": gamma,
        "K": k,
        "rounds": rounds,
        "backup": backup,
    }
    settings = {name: value for name, value in given.items() if value is not None}
    request = _Request(settings, train=train, deploy=deploy, if_better=if_better, rollback=rollback, cancel=cancel)
    rclpy = import_rclpy()
    from altmarl_ros.nodes.trainer.client import TrainerClient

    rclpy.init(args=[])
    try:
        columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
        with Progress(*columns, console=console.err) as bar:
            task = bar.add_task("waiting for the trainer", total=1.0)

            def show(message: Any) -> None:
                bar.update(task, completed=message.fraction, description=message.message)

            client = TrainerClient(trainer, show)
            try:
                client.connect(timeout)
                failure = _run(client, request)
            finally:
                client.close()
        progress = client.last
    finally:
        rclpy.try_shutdown()
    if as_json:
        console.document({"failure": failure, **_about(progress)})
    else:
        _print(_about(progress))
        if failure:
            console.fail(failure)
    if failure:
        raise typer.Exit(1)


def _reward_parameters(rewards: Sequence[str]) -> Optional[str]:
    """Make the mapping in YAML that the trainer's parameter takes of NAME=VALUE words; None: no words."""
    parameters = {}
    for item in rewards:
        name, found, value = item.partition("=")
        if not (found and name.strip()):
            raise typer.BadParameter(f"--reward is {item!r}, must be NAME=VALUE")
        parameters[name.strip()] = value
    return "{" + ", ".join(f"{name}: {value}" for name, value in parameters.items()) + "}" if parameters else None


def _run(client: "TrainerClient", request: _Request) -> str:
    """Do what is requested; returns what went wrong, empty where nothing did."""
    if request.rollback:
        return _put_in_force(client, "rollback")
    if request.cancel:
        answer = client.call("cancel")
        return "" if answer.successful else answer.reason
    if request.train:
        taken = client.change(request.settings)
        began = client.call("train") if taken.successful else taken
        if not began.successful:
            return began.reason
        progress = client.follow()
        if progress.state not in (Stage.READY, Stage.DEPLOYED):
            return str(progress.message)
    progress = client.last
    if progress.candidate_id and progress.policy_id == progress.candidate_id:
        return ""  # the trainer deploys by itself
    surely = progress.gain - progress.gain_half_width
    margin = request.if_better
    if margin is not None and not surely > margin:
        return f"not deployed: the lower end of its gain, {surely:.2f}, is not above {margin:g}"
    return _put_in_force(client, "deploy") if request.deploy or margin is not None else ""


def _put_in_force(client: "TrainerClient", service: str) -> str:
    before = client.last.policy_id
    answer = client.call(service)
    if not answer.successful:
        return answer.reason
    progress = client.follow()
    return "" if progress.policy_id != before else str(progress.message)


def _about(progress: Any) -> Dict[str, Any]:
    fields = {name: getattr(progress, name) for name in progress.get_fields_and_field_types() if name != "stamp"}
    return {**fields, "state": Stage(progress.state).name.lower(), "kept": [int(kept) for kept in progress.kept]}


def _print(about: Dict[str, Any]) -> None:
    console.out.print(f"{about['state']}: {about['message']}", markup=False)
    if about["candidate_id"] and about["gain_half_width"]:
        for name, title in (("value", "in force"), ("candidate_value", "candidate"), ("gain", "gain")):
            console.out.print(f"  {title:<10} {about[name]:9.2f} ± {about[f'{name}_half_width']:.2f}")
    if about["shadow_ticks"]:
        console.out.print(f"  shadow     the same action in {about['shadow_agreed']} of {about['shadow_ticks']} live ticks")
    kept = ", ".join(f"{kept:08x}" for kept in about["kept"]) or "none"
    console.out.print(f"  policy     {about['policy_id']:08x} in force, candidate {about['candidate_id']:08x}, kept: {kept}")
