"""A few thousand mutated RPCs and frames against a real node; live.py sends a million."""

from pathlib import Path

import pytest

from tests.faults.fuzz.live import run


@pytest.mark.slow
def test_mutated_rpcs_and_frames_leave_a_real_node_well(tmp_path: Path) -> None:
    watched = run(2_500, 7, tmp_path, checks=2)
    said = watched.attack.said
    assert said.rpcs >= 2_000 and said.frames >= 10
