"""The shipped bench files say what the drivers understand."""

from __future__ import annotations

import pytest

from config.loading import available, bench_file
from drivers.registry import driver_class

ENTRIES = [(bench, str(role)) for bench in available("benches") for role in bench_file(bench).content.instruments]


@pytest.mark.parametrize(("bench", "role"), ENTRIES)
def test_every_driver_of_a_shipped_bench_plays_its_role_and_knows_its_options(bench: str, role: str) -> None:
    entries = {str(name): entry for name, entry in bench_file(bench).content.instruments.items()}
    driver = driver_class(entries[role].driver, role)
    assert driver.role == role
    driver.Options.model_validate(entries[role].options)
