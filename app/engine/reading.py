"""From a run file to what an analysis is given, and the analysis itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.figure import FigureOfMerit
from app.engine.interruptions import warnings_of, without_set_aside
from config.bench_file import Geometry
from config.loading import check
from config.mistake import UserMistake
from config.sample_file import Sample
from procedures.procedure import Procedure
from procedures.registry import procedure_class
from procedures.run_data import RecordedImages, RunData
from storage.reader import RunFile, open_run
from storage.streams import StreamData

Products = Callable[[], Sequence[Path]]


def run_data(file: RunFile, parameters: Mapping[str, Any]) -> RunData:
    """Read everything that an analysis may need.

    Parameters
    ----------
    file
        An open run file.
    parameters
        Of the run, checked.
    """
    sample = check(_plain(file.sample), Sample, f"{file.path}: sample") if file.sample else None
    data = RunData(
        streams={
            name: {column: np.asarray(stream[column]) for column in stream if column not in _image_shapes(stream)}
            for name, stream in file.streams.items()
        },
        axes={name: {axis: np.asarray(values) for axis, values in axes.items()} for name, axes in file.axes.items()},
        parameters=parameters,
        sample=sample,
        geometry=check(_plain(file.geometry), Geometry, f"{file.path}: geometry"),
        calibrations=_by_role(file, "calibration"),
        settings=_by_role(file, "settings"),
        images={
            name: {
                column: RecordedImages((stream.rows, *shape), partial(_read_images, file.path, name, column))
                for column, shape in _image_shapes(stream).items()
            }
            for name, stream in file.streams.items()
        },
    )
    return without_set_aside(data, file.journal)


def _image_shapes(stream: StreamData) -> dict[str, tuple[int, int]]:
    """Return rows and columns of each column that holds images."""
    return {one.name: (one.shape[0], one.shape[1]) for one in stream.layout.columns if len(one.shape) == 2}


def _read_images(path: Path, stream: str, column: str, first: int, last: int) -> npt.NDArray[np.generic]:
    # opened for each look: an analysis outlives the file that it was given
    with open_run(path) as file:
        return file.streams[stream].read(column, first, last)


def procedure_of(
    file: RunFile, options: Mapping[str, Any] | None = None, kind: type[Procedure] | None = None
) -> Procedure:
    """Make the procedure that wrote a run file, with its parameters.

    Parameters
    ----------
    options
        Parameters to analyse with instead of those of the run.
    kind
        Its class, where it need not be a registered one.
    """
    procedure = (kind or procedure_class(file.procedure))()
    given = {name: value for name, (value, _) in file.parameters.items()}
    procedure.set_values(given, str(file.path))
    procedure.set_values(options or {})
    return procedure


def analyse(
    file: RunFile, options: Mapping[str, Any] | None = None, kind: type[Procedure] | None = None
) -> Sequence[FigureOfMerit]:
    """Analyse a run from its file alone.

    Raises
    ------
    UserMistake
        If the file's procedure is not known here, or an option does not fit.
    """
    procedure = procedure_of(file, options, kind)
    data = run_data(file, procedure.values())
    procedure.sample = data.sample
    return _with_warnings(procedure.analyse(data), file)


def _with_warnings(figures: Sequence[FigureOfMerit], file: RunFile) -> Sequence[FigureOfMerit]:
    warnings = warnings_of(file.journal)
    return [figure.with_warnings(*warnings) for figure in figures] if warnings else figures


def analyse_path(
    path: Path, options: Mapping[str, Any] | None = None, kind: type[Procedure] | None = None
) -> Sequence[FigureOfMerit]:
    """Analyse a run from its file alone; the file is not changed."""
    with open_run(path) as file:
        if not any(stream.rows for stream in file.streams.values()):
            raise UserMistake(f"{path}: holds no record")
        return analyse(file, options, kind)


def analyse_run(path: Path, kind: type[Procedure], *, completed: bool) -> tuple[Sequence[FigureOfMerit], Products]:
    """Analyse a run that has just been measured, and say what other measurements get from it.

    Parameters
    ----------
    path
        Of the run file, whose records have all been written.
    kind
        Class of its procedure.
    completed
        A run that was not makes nothing for others: half a calibration would pass for a whole one.

    Returns
    -------
    figures, products
        The second writes the files when it is called, and returns their paths.
    """
    with open_run(path) as file:
        procedure = procedure_of(file, kind=kind)
        data = run_data(file, procedure.values())
        procedure.sample = data.sample
        figures = _with_warnings(procedure.analyse(data), file)
    return figures, lambda: procedure.products(data, path.with_suffix("")) if completed else ()


def _by_role(file: RunFile, what: str) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for role, instrument in file.instruments.items():
        given = instrument.get(what) if isinstance(instrument, Mapping) else None
        found[role] = given if isinstance(given, Mapping) else {}
    return found


def _plain(value: Any) -> Any:
    """Turn what HDF5 gives back into what TOML would."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
