"""What packs are made of: a closed set of pure functions, one file a family.

A pack names *terms* (intermediate figures) and *components* (rules that are met or not). Importing this package fills the
two registries `TERMS` and `RULES` against which a pack is checked.
"""

from monitor.core.components import (  # the imports register the types
    arithmetic,
    custody,
    declared,
    lagged,
    limits,
    losses,
    money,
    same_asset,
)
from monitor.core.components.packs.registry import RULES, TERMS
from monitor.core.components.years import fiscal, indicator, overheads

__all__ = [
    "RULES",
    "TERMS",
    "arithmetic",
    "custody",
    "declared",
    "fiscal",
    "indicator",
    "lagged",
    "limits",
    "losses",
    "money",
    "overheads",
    "same_asset",
]
