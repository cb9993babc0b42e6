"""The example bench file with every remark that hides a table taken away."""

from __future__ import annotations

import re
import tomllib

from config.bench_file import BenchFile
from config.loading import bench_file, check
from drivers.registry import driver_class


def test_tables_that_are_remarks_in_the_example_bench_are_right_as_well() -> None:
    hidden = r"^# (?=\[|(?:driver|resource|options|idle_days|start_kv|step_kv|step_s|current_ma) = )"
    text = re.sub(hidden, "", bench_file("kit").text, flags=re.MULTILINE)
    bench = check(tomllib.loads(text), BenchFile, "kit.toml")
    assert {"camera", "light", "temperature_stage"} <= set(bench.instruments)
    assert bench.warm_up
    for role, entry in bench.entries.items():
        driver_class(entry.driver, role).Options.model_validate(entry.options)
