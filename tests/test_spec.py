"""SPEC.md cannot lie: its limits are the code's, and every rule the code names stands in it."""

import re
from pathlib import Path

from jangteo.protocol import limits
from tests.state_diagram import written

ROOT = Path(__file__).parent.parent
SPEC = (ROOT / "protocol" / "SPEC.md").read_text(encoding="utf-8")
PARTS = ("crypto", "protocol", "store", "node", "cli")


def constants() -> dict[str, int]:
    return {
        name: value
        for name, value in vars(limits).items()
        if name.isupper() and isinstance(value, int)
    }


def test_the_table_of_limits_is_the_code_s() -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| ([\d,]+) \|", SPEC, re.MULTILINE)
    assert {name: int(value.replace(",", "")) for name, value in rows} == constants()


def test_every_rule_that_code_or_a_vector_names_stands_in_the_spec() -> None:
    defined = set(re.findall(r"\*\*(R\d+\.\d+)\*\*", SPEC))
    named: dict[str, str] = {}
    for part in (*PARTS, "tests/vectors"):
        for file in (ROOT / part).rglob("*"):
            if file.suffix in (".py", ".json", ".sql"):
                text = file.read_text(encoding="utf-8")
                for rule in re.findall(r"\bR\d+\.\d+\b", text):
                    named[rule] = str(file.relative_to(ROOT))
    assert not {rule: where for rule, where in named.items() if rule not in defined}


def test_no_rule_is_defined_twice() -> None:
    rules = re.findall(r"\*\*(R\d+\.\d+)\*\*", SPEC)
    assert len(rules) == len(set(rules))


def test_the_states_of_a_deal_are_the_table_s() -> None:
    assert written(SPEC) == SPEC, "python -m tests.state_diagram writes them anew"
