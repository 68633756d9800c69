"""What was typed into a form that failed: it is shown again with the reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Typed:
    """`form` is the name of the form on its page; "" where nothing failed."""

    form: str = ""
    why: str = ""
    told: Mapping[str, str] = field(default_factory=dict)

    def of(self, form: str, name: str) -> str:
        return self.told.get(name, "") if self.form == form else ""

    def why_of(self, form: str) -> str:
        return self.why if self.form == form else ""
