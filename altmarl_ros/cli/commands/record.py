"""`altmarl record` and `altmarl recover`: a running fleet as a rosbag2 folder."""

import time
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.markup import escape

from altmarl_ros.cli import console
from altmarl_ros.cli.optional_imports import import_bag, import_rclpy
from altmarl_ros.cli.options import FleetPrefix, Json
from altmarl_ros.cli.processes import Stopping
from altmarl_ros.cli.runs import bag_recorder, check_bag

_PROGRESS_PERIOD = 10.0  # s between two lines about the progress


def record(
    bag: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    *,
    fleet_prefix: FleetPrefix = "/fleet",
    duration: Annotated[float, typer.Option(min=0, help="Stop after this many seconds; 0: at Ctrl-C.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Record a running fleet in your ROS domain as a rosbag2 folder (MCAP): all messages, and what decisions rest on.

    A recorder that is killed loses the last second; `altmarl recover` makes a complete bag of the rest.

    Example: altmarl record run_bag
    """
    check_bag(bag, "record")
    rclpy = import_rclpy()
    rclpy.init(args=[], signal_handler_options=rclpy.signals.SignalHandlerOptions.NO)
    end = time.monotonic() + duration if duration else float("inf")
    told = time.monotonic()
    try:
        with Stopping() as stopping, bag_recorder(bag, fleet_prefix) as recorder:
            executor = rclpy.executors.SingleThreadedExecutor()
            executor.add_node(recorder)
            console.err.print(f"recording {escape(fleet_prefix)} in {escape(str(bag))}; Ctrl-C ends it")
            while not stopping.asked and time.monotonic() < end and recorder.failure is None:
                executor.spin_once(timeout_sec=0.1)
                if time.monotonic() - told >= _PROGRESS_PERIOD:
                    told = time.monotonic()
                    console.err.print(f"{recorder.messages} messages")
            if stopping.asked:
                console.err.print("stopping")
        if as_json:
            failure = None if recorder.failure is None else str(recorder.failure)
            console.document({"bag": bag, "messages": recorder.messages, "failure": failure})
        console.out.print(f"{recorder.messages} messages in {escape(str(bag))}; next: altmarl replay {escape(str(bag))}")
    finally:
        rclpy.try_shutdown()
    if recorder.failure is not None:
        console.fail(str(recorder.failure))
        raise typer.Exit(1)


def recover(
    bag: Annotated[Path, typer.Argument(help="Folder or .mcap file of a recorder that was killed.")],
    *,
    out: Annotated[Optional[Path], typer.Option("--out", "-o", help="Folder to write; default: <bag>_recovered.")] = None,
    as_json: Json = False,
) -> None:
    """Copy the readable part of a bag that was cut off into a complete bag, which every tool opens.

    Example: altmarl recover run_bag --out run_bag_whole
    """
    import_bag()
    check_bag(bag, "recover")
    from altmarl_ros.records.bag_reader import recover as recover_bag

    target = out or bag.with_name(f"{bag.stem}_recovered")
    reader, messages = recover_bag(bag, target)
    for file in reader.cut:
        console.err.print(f"note: {escape(str(file))} was cut off")
    if as_json:
        console.document({"bag": target, "messages": messages, "cut": reader.cut})
    console.out.print(f"{messages} messages in {escape(str(target))}")
