"""Every input that fuzzing kept or that once broke something, replayed; and dozens of mutations
of each seed. Needs no atheris."""

import random

import pytest

from tests.faults.fuzz.targets import HERE, TARGETS, corpora_files, corpus, crashes

MUTATIONS = 80
CORPORA_BYTES_MAX = 2_000_000
INPUT_BYTES_MAX = 65_536
SEED = 20_26


@pytest.mark.parametrize("name", TARGETS)
def test_what_fuzzing_kept_breaks_nothing(name: str) -> None:
    target = TARGETS[name]
    for data in (*target.seeds(), *corpus(name)):
        target.run(data)


@pytest.mark.parametrize(
    ("name", "file"), [(name, file) for name in TARGETS for file, _ in crashes(name)]
)
def test_what_once_broke_something_is_mended(name: str, file: str) -> None:
    TARGETS[name].run(dict(crashes(name))[file])


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_from_one_seed_break_nothing(name: str) -> None:
    target = TARGETS[name]
    dice = random.Random(SEED)  # noqa: S311  (repeatable on purpose)
    seeds = list(target.seeds())
    for _ in range(MUTATIONS):
        target.run(target.mutate(dice, dice.choice(seeds))[: target.bytes_max])


def test_the_corpora_stay_small() -> None:
    sizes = [path.stat().st_size for path in corpora_files()]
    assert sum(sizes) <= CORPORA_BYTES_MAX
    assert max(sizes) <= INPUT_BYTES_MAX


def test_every_kept_input_belongs_to_a_target() -> None:
    assert {path.parent.name for path in corpora_files()} == TARGETS.keys()
    assert {path.name for path in (HERE / "crashes").iterdir()} <= TARGETS.keys()
