"""An observer in a process of its own, one JSON line per thing heard: Fast DDS looks at a process's network once."""

import json
import os
from dataclasses import asdict

import rclpy
from rclpy.executors import ExternalShutdownException

from altmarl_ros.nodes.tools.run_logger import RunLogger


def main():
    rclpy.init(args=[])
    observer = RunLogger()
    told = {"statuses": set(), "truths": set(), "floors": set()}
    try:
        while os.getppid() != 1:
            rclpy.spin_once(observer, timeout_sec=0.05)
            for kind, keys in told.items():
                for key, row in list(getattr(observer.log, kind).items()):
                    if key not in keys:
                        keys.add(key)
                        print(json.dumps({kind: asdict(row)}), flush=True)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass


if __name__ == "__main__":
    main()
