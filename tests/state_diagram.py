"""Writes the states of a deal into protocol/SPEC.md, from the table that the program runs:

python -m tests.state_diagram
"""

from pathlib import Path

from jangteo.protocol.deal import TABLE, State

SPEC = Path(__file__).parent.parent / "protocol" / "SPEC.md"
BEGIN = "<!-- from the table of protocol/deal.py: python -m tests.state_diagram -->\n"
END = "<!-- until here -->\n"


def diagram() -> str:
    """Mermaid: an arrow for each two states, with who says what on it."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, kind, role), after in TABLE.items():
        arrows.setdefault((state, after), []).append(f"{role.value} {kind.value}")
    lines = ["```mermaid", "stateDiagram-v2"]
    for (state, after), labels in arrows.items():
        begin = "[*]" if state is State.NONE else state.value
        lines.append(f"    {begin} --> {after.value}: {', '.join(labels)}")
    lines += [f"    {state.value} --> [*]" for state in State if is_last(state)]
    return "\n".join([*lines, "```", ""])


def is_last(state: State) -> bool:
    """Whether nothing leads to another state."""
    return all(after is state for (before, *_), after in TABLE.items() if before is state)


def written(spec: str) -> str:
    """The spec's text, with the diagram as the table has it."""
    head, rest = spec.split(BEGIN)
    _, tail = rest.split(END)
    return head + BEGIN + diagram() + END + tail


if __name__ == "__main__":
    SPEC.write_text(written(SPEC.read_text(encoding="utf-8")), encoding="utf-8")
