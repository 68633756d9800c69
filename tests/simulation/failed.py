"""Scenarios that failed once, as they were drawn: played by every run of the tests, for ever.

Kept whole, since another way to draw makes other scenarios of the same seeds; what is printed of
`draw(SEED)` is their source. Each says what it was that failed.
"""

from typing import Final

from .scenario import (
    Edit,
    Heal,
    Lose,
    Member,
    Scenario,
    Sell,
    SetClock,
    Start,
    Weather,
    Withdraw,
)

FAILED: Final = (
    # What had expired by a clock a hundred days ahead was still declined by the right time.
    Scenario(
        seed=32,
        members=(Member("n0000", ()), Member("n0001", ("n0000",))),
        happenings=(
            SetClock(10.0, "n0000", 8_640_000.0),
            Sell(20.0, "n0001", 2),
            SetClock(60.0, "n0000", 0.0),
        ),
        calm_s=62.0,
    ),
    # A full store held an old revision and declined the newer: it was pushed for ever.
    Scenario(
        seed=6262,
        members=(
            Member(
                name="n0000",
                peers=(),
                markets=("open",),
                skew_s=0.0,
                records_bytes_max=536870912,
                mischief=None,
            ),
            Member(
                name="n0001",
                peers=("n0000",),
                markets=("open",),
                skew_s=0.0,
                records_bytes_max=536870912,
                mischief=None,
            ),
            Member(
                name="n0002",
                peers=("n0000", "n0001"),
                markets=("open",),
                skew_s=0.0,
                records_bytes_max=536870912,
                mischief=None,
            ),
            Member(
                name="n0003",
                peers=("n0002",),
                markets=("open",),
                skew_s=0.0,
                records_bytes_max=536870912,
                mischief=None,
            ),
            Member(
                name="n0004",
                peers=("n0000", "n0003"),
                markets=("open",),
                skew_s=0.0,
                records_bytes_max=5178,
                mischief=None,
            ),
            Member(
                name="n0005",
                peers=("n0000", "n0003", "n0004"),
                markets=("open",),
                skew_s=0.0,
                records_bytes_max=8584,
                mischief=None,
            ),
        ),
        happenings=(
            Sell(at_s=2.22, name="n0002", count=1, market="open", left_s=None),
            Sell(at_s=5.427, name="n0001", count=1, market="open", left_s=None),
            Withdraw(at_s=8.085, name="n0005", pick=68),
            Edit(at_s=9.123, name="n0005", pick=87),
            Sell(at_s=10.044, name="n0002", count=3, market="books", left_s=None),
            Sell(at_s=11.264, name="n0002", count=2, market="books", left_s=None),
            Sell(at_s=14.574, name="n0005", count=2, market="books", left_s=None),
            Edit(at_s=15.144, name="n0004", pick=92),
            Sell(at_s=16.747, name="n0001", count=1, market="open", left_s=None),
            Sell(at_s=31.298, name="n0000", count=60, market="open", left_s=None),
            Withdraw(at_s=31.868, name="n0003", pick=68),
            Sell(at_s=33.221, name="n0001", count=1, market="open", left_s=None),
            Sell(at_s=34.153, name="n0004", count=60, market="open", left_s=None),
            Sell(at_s=35.899, name="n0002", count=2, market="open", left_s=20.129),
            Sell(at_s=42.538, name="n0001", count=1, market="open", left_s=None),
            Sell(at_s=42.633, name="n0000", count=1, market="open", left_s=None),
            Sell(at_s=43.461, name="n0005", count=1, market="open", left_s=None),
            Sell(at_s=47.572, name="n0004", count=1, market="open", left_s=None),
            Sell(at_s=47.653, name="n0000", count=1, market="open", left_s=None),
            Edit(at_s=47.889, name="n0002", pick=27),
            Sell(at_s=49.512, name="n0005", count=1, market="open", left_s=None),
            Sell(at_s=50.123, name="n0000", count=1, market="open", left_s=None),
            Withdraw(at_s=54.711, name="n0001", pick=83),
            Sell(at_s=58.269, name="n0005", count=1, market="books", left_s=None),
            Heal(at_s=73.55370491195447),
            Weather(at_s=73.55370491195447, loss=0.0, doubling=0.0, delay_s=(0.001, 0.01)),
        ),
        calm_s=75.55370491195447,
        is_on_disk=False,
    ),
    # A record of the future, pushed in the second in which its time came, was kept back.
    Scenario(
        seed=10108,
        members=(
            Member(
                name="n0000",
                peers=(),
                markets=("open", "books"),
                skew_s=750.534,
                records_bytes_max=536870912,
                mischief=None,
            ),
            Member(
                name="n0001",
                peers=("n0000",),
                markets=("open",),
                skew_s=140.351,
                records_bytes_max=536870912,
                mischief=None,
            ),
        ),
        happenings=(
            Weather(at_s=0.0, loss=1.0, doubling=0.5, delay_s=(0.03, 0.3)),
            Sell(at_s=1.904, name="n0000", count=5, market="open", left_s=None),
            Sell(at_s=3.528, name="n0001", count=1, market="open", left_s=None),
            Weather(at_s=8.869, loss=1.0, doubling=0.0, delay_s=(0.2, 2.0)),
            Edit(at_s=10.422, name="n0000", pick=58),
            Weather(at_s=12.079, loss=0.3, doubling=0.1, delay_s=(0.2, 2.0)),
            Sell(at_s=14.573, name="n0000", count=1, market="open", left_s=None),
            Sell(at_s=15.565, name="n0000", count=1, market="open", left_s=None),
            Sell(at_s=16.092, name="n0001", count=1, market="open", left_s=None),
            Sell(at_s=18.759, name="n0001", count=1, market="open", left_s=None),
            Sell(at_s=21.841, name="n0000", count=2, market="books", left_s=None),
            Sell(at_s=22.049, name="n0001", count=2, market="open", left_s=7.81),
            Sell(at_s=23.936, name="n0000", count=1, market="open", left_s=None),
            Sell(at_s=24.179, name="n0000", count=1, market="open", left_s=None),
            Sell(at_s=29.179, name="n0000", count=300, market="open", left_s=None),
            Edit(at_s=30.971, name="n0000", pick=72),
            Sell(at_s=31.658, name="n0001", count=1, market="open", left_s=None),
            Sell(at_s=32.628, name="n0000", count=1, market="open", left_s=None),
            Heal(at_s=33.78550159955508),
            Weather(at_s=33.78550159955508, loss=0.0, doubling=0.0, delay_s=(0.001, 0.01)),
        ),
        calm_s=45.968501599555076,
        is_on_disk=True,
    ),
    # A clock hours behind declined the whole market, and fetched it anew each minute, once one of
    # what it had declined was replaced.
    Scenario(
        seed=3163,
        members=(Member("n0000", ()), Member("n0001", ("n0000",), skew_s=-12_177.0)),
        happenings=(Sell(10.0, "n0000", 300), Edit(40.0, "n0000", 5)),
        calm_s=60.0,
    ),
    # A store that was lost came back from a neighbour under a clock a hundred days ahead: one's own
    # were kept as over, and stayed so when the clock was set right.
    Scenario(
        seed=9328,
        members=(Member("n0000", ()), Member("n0001", ("n0000",))),
        happenings=(
            Sell(5.0, "n0001", 5),
            SetClock(15.0, "n0001", 8_640_000.0),
            Lose(20.0, "n0001"),
            Start(21.0, "n0001"),
            SetClock(40.0, "n0001", 0.0),
        ),
        calm_s=45.0,
    ),
)
