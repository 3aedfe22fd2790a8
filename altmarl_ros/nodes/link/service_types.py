"""The ROS types of the services that operators call over a link, and how a refusal is told where a type has words for it."""

from __future__ import annotations

from typing import Any

from lifecycle_msgs.srv import GetState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from std_srvs.srv import Trigger

from altmarl_ros.srv import OperateRobot

SERVICE_TYPES: dict[str, Any] = {
    "altmarl_ros/srv/OperateRobot": OperateRobot,
    "lifecycle_msgs/srv/GetState": GetState,
    "rcl_interfaces/srv/DescribeParameters": DescribeParameters,
    "rcl_interfaces/srv/GetParameterTypes": GetParameterTypes,
    "rcl_interfaces/srv/GetParameters": GetParameters,
    "rcl_interfaces/srv/ListParameters": ListParameters,
    "rcl_interfaces/srv/SetParameters": SetParameters,
    "rcl_interfaces/srv/SetParametersAtomically": SetParametersAtomically,
    "std_srvs/srv/Trigger": Trigger,
}
"""The types by their full names."""


def refusal(service_type: Any, request: Any, reason: str) -> Any:
    """Return the response that tells why a call was not carried out; None where the type has no words for it."""
    if service_type is Trigger:
        return Trigger.Response(success=False, message=reason)
    if service_type is OperateRobot:
        return OperateRobot.Response(known=True, success=False, message=f"refused: {reason}")
    result = SetParametersResult(successful=False, reason=reason)
    if service_type is SetParametersAtomically:
        return SetParametersAtomically.Response(result=result)
    if service_type is SetParameters:
        return SetParameters.Response(results=[result for _ in request.parameters])
    return None
