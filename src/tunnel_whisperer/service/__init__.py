"""An identity's role as a service of this machine: systemd, launchd, the Windows Task Scheduler.

Control plane. May import base and profile. Renders the file that the system's manager reads, and asks
the manager to take it; what runs then is the role's ordinary command.
"""

from .launchd import Launchd
from .manager import Manager, ServiceState, manager_of
from .plan import ServicePlan, plan_of
from .systemd import Systemd
from .windows import TaskScheduler

__all__ = [
    "Launchd",
    "Manager",
    "ServicePlan",
    "ServiceState",
    "Systemd",
    "TaskScheduler",
    "manager_of",
    "plan_of",
]
