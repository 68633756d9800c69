"""Two people write to each other over a bad network, with kills: each message is read once. Short;
letters.py does it a thousand times each way.
"""

from pathlib import Path

import pytest

from tests.network import bad_lan
from tests.network.letters import BAD, run
from tests.network.network import network

pytestmark = [
    pytest.mark.skipif(bad_lan.why_not() is not None, reason=str(bad_lan.why_not())),
    pytest.mark.slow,
]


def test_each_message_is_read_once_over_losses_stops_and_kills(tmp_path: Path) -> None:
    with network(tmp_path, 3, seed=3, weather=BAD, seconds_max=600) as net:
        net.start_all()
        writers, trouble = run(net, 60, seed=3)
        assert trouble.kills + trouble.stops > 0
        assert all(len(writer.said) == 60 for writer in writers)
