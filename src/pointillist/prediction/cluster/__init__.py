"""Maps made by many processes or machines: a schedule, workers, and one who directs them."""

from pointillist.prediction.cluster.crew import CrewRequest
from pointillist.prediction.cluster.schedule import Group, Schedule

__all__ = ["CrewRequest", "Group", "Schedule"]
