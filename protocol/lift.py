"""The lift of ids that production uses (SPEC.md R6.4), for parts that may not import crypto."""

from ..crypto.digest import LIFT_BITS as LIFT_BITS
from ..crypto.digest import lift_wide as lift_wide
