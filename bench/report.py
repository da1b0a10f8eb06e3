"""Rows: what was measured, how it compares, whether that is good enough."""
from dataclasses import dataclass
from statistics import median


@dataclass
class Goal:
    """times: as many times better than the peer; limit: the figure to hold (where there is no peer, if times is given).
    A row without either only informs."""
    limit: float | None = None
    times: float | None = None


@dataclass
class Row:
    name: str  # area/name
    what: str  # for people
    unit: str
    ours: list  # samples; empty: it failed
    peer: list  # samples; empty: there is none
    goal: Goal
    more_is_better: bool

    def ratio(self):
        """How many times better than the peer."""
        if not self.ours or not self.peer:
            return None
        ours, peer = median(self.ours), median(self.peer)
        return ours / peer if self.more_is_better else peer / ours

    def held_to_peer(self):
        return self.goal.times is not None and self.ratio() is not None

    def met(self):
        if not self.ours:
            return False
        if self.held_to_peer():
            return self.ratio() >= self.goal.times
        if self.goal.limit is None:
            return True
        ours = median(self.ours)
        return ours >= self.goal.limit if self.more_is_better else ours <= self.goal.limit

    def goal_text(self):
        if self.held_to_peer():
            return f">={self.goal.times:g}x"
        if self.goal.limit is None:
            return "none"
        return f"{'>=' if self.more_is_better else '<='}{self.goal.limit:g}{self.unit}"

    def line(self):
        ratio = self.ratio()
        return (f"{self.name} ours={spread(self.ours, self.unit)} peer={spread(self.peer, self.unit)} "
                f"ratio={'none' if ratio is None else f'{ratio:.3g}'} goal={self.goal_text()} "
                f"{'met' if self.met() else 'missed'}")

    def markdown(self):
        ratio = self.ratio()
        cells = [f"`{self.name}`", self.what, spread(self.ours, " " + self.unit), spread(self.peer, " " + self.unit),
                 "" if ratio is None else f"{ratio:.3g}", self.goal_text().replace(">=", "≥ ").replace("<=", "≤ "),
                 "met" if self.met() else "missed"]
        return "| " + " | ".join(cells) + " |"


def spread(samples, unit):
    """The median, and behind it the least and the most."""
    if not samples:
        return "none"
    middle = f"{number(median(samples))}{unit}"
    return middle if len(samples) == 1 else f"{middle}({number(min(samples))}..{number(max(samples))})"


def number(x):
    return f"{x:.0f}" if abs(x) >= 1000 else f"{x:.3g}"


class Report:
    def __init__(self):
        self.rows = []

    def add(self, name, what, unit, ours, peer=(), *, goal=Goal(), more_is_better=False):
        row = Row(name, what, unit, list(ours), list(peer), goal, more_is_better)
        self.rows.append(row)
        print(row.line(), flush=True)

    def print_markdown(self):
        print("\n| row | what | slipway | peer | times better | goal | |\n| --- | --- | --- | --- | --- | --- | --- |")
        for row in self.rows:
            print(row.markdown())


def percentile(samples, share):
    """The sample below which that share of them lies."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
