"""What every test can count on of the process it runs in, and how the suite is shared out among
processes (`./run test`); knows nothing of what is tested.
"""

import signal
from pathlib import Path

import pytest

# A shell that starts the suite in its background has it ignore SIGINT, and programs that the tests
# start would inherit that and not hear Ctrl-C. What is caught here is not ignored there.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]

# The files that take longest, begun first, so that no process waits long for the last one.
LONGEST = (
    "tests/interop/test_lan.py",
    "tests/test_run.py",
    "tests/cli/test_trade.py",
    "tests/simulation/test_seeds.py",
    "tests/network/test_bad_network.py",
    "tests/cli/test_running_node.py",
    "tests/test_packaging.py",
    "tests/cli/test_wrong_input.py",
    "tests/faults/test_stopped_node.py",
    "tests/bench/test_benches.py",
    "tests/unit/test_office.py",
    "tests/faults/test_libp2p_guards_frames.py",
    "tests/unit/test_backup.py",
    "tests/faults/test_libp2p_guards_connections.py",
    "tests/faults/test_attacks.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file is one process's, one test after the other: its fixtures are made once, and its tests
    share what the machine has but one of. Without processes nothing changes."""
    if not hasattr(config, "workerinput"):
        return
    rank = {ROOT / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(LONGEST)))
