"""Providers of machines: one file for each that knows it, behind one interface, chosen by name.

May import base, and each driver its provider's library, which is needed only there.
"""

from .choice import PROVIDERS, Provider, open_driver
from .credentials import Credentials
from .driver import (
    Account,
    Change,
    Driver,
    Found,
    Machine,
    Order,
    Plan,
    Price,
    Region,
    Resource,
    Size,
    Step,
    Tell,
    check_relay_id,
    new_relay_id,
)
from .patience import Stopped, stoppable

__all__ = [
    "PROVIDERS",
    "Account",
    "Change",
    "Credentials",
    "Driver",
    "Found",
    "Machine",
    "Order",
    "Plan",
    "Price",
    "Provider",
    "Region",
    "Resource",
    "Size",
    "Step",
    "Stopped",
    "Tell",
    "check_relay_id",
    "new_relay_id",
    "open_driver",
    "stoppable",
]
