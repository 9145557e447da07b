"""Where to click next: spread, informative places for a mapper to label, by named strategies."""

from pointillist.sampling.spacing import Spacing, ground_positions
from pointillist.suggestion.candidates import Candidates
from pointillist.suggestion.choosing import choose
from pointillist.suggestion.command import suggest
from pointillist.suggestion.scouting import scout
from pointillist.suggestion.strategies import DEFAULT_STRATEGY, STRATEGIES, Strategy, find_strategy

__all__ = [
    "DEFAULT_STRATEGY",
    "STRATEGIES",
    "Candidates",
    "Spacing",
    "Strategy",
    "choose",
    "find_strategy",
    "ground_positions",
    "scout",
    "suggest",
]
