"""Files from elsewhere become a run file, analysed as if the run had been measured here."""

from __future__ import annotations

import platform
import re
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from analysis.figure import FigureOfMerit
from app.engine.circumstances import commit, package_versions, software_version, stream_layouts
from app.engine.output import run_file_path
from app.engine.reading import analyse_run
from app.imports.forms import form_of
from app.imports.records import Records, records_of
from app.imports.settings import ImportSettings, import_settings
from config.bench_file import Geometry
from config.loading import Loaded, bench_file, sample_file
from config.mistake import UserMistake
from config.sample_file import Sample
from procedures.procedure import Procedure
from procedures.registry import procedure_class
from storage.imported.source import Source, read_source
from storage.layout import RunHeader
from storage.writer import RunWriter

_ROLE = re.compile(r"([a-z_]+)=(.+)\Z")


@dataclass(frozen=True)
class Imported:
    """An imported run."""

    run_file: Path
    procedure: str
    parameters: Mapping[str, object]
    records: int
    figures: Sequence[FigureOfMerit]
    notes: Sequence[str]
    sources: Sequence[Source]

    def as_dict(self) -> dict[str, object]:
        """Return the document that ``--json`` prints."""
        return {
            "status": "completed",
            "run_file": str(self.run_file),
            "procedure": self.procedure,
            "parameters": dict(self.parameters),
            "records": self.records,
            "sources": [{"file": str(one.path), "sha256": one.sha256} for one in self.sources],
            "journal": [{"time": 0.0, "level": "info", "kind": "import", "message": note} for note in self.notes],
            "figures": [figure.as_dict() for figure in self.figures],
        }


def import_files(
    files: Sequence[str],
    kind: str,
    *,
    settings: Mapping[str, str] | None = None,
    sample: str | None = None,
    folder: Path | None = None,
) -> Imported:
    """Import files as one run.

    Parameters
    ----------
    files
        Paths; ``role=PATH`` for a further file, such as ``dark=`` or ``response=``.
    kind
        Name of the procedure or analysis.
    settings
        See `app.imports.settings`; what is not among them are parameters of the procedure.
    sample
        Name or path of a sample file.
    folder
        In which the run file goes; ``runs`` if not given.

    Raises
    ------
    UserMistake
        One line that says what is wrong; nothing is left behind then.
    """
    form = form_of(kind)
    given = import_settings(settings or {})
    procedure = procedure_class(kind)()
    procedure.set_values(given.parameters)
    loaded = sample_file(sample) if sample else None
    procedure.sample = loaded.content if loaded else None
    _check_sample(procedure)
    sources, roles = _sources(files)
    records = records_of(form, sources, roles, given, procedure.sample)
    everything = [*sources, *roles.values()]
    started = datetime.now().astimezone()
    path = run_file_path(
        bench_file("sim").content,
        folder if folder is not None else Path("runs"),
        started,
        procedure=kind,
        sample=loaded.content.name if loaded else sources[0].path.stem,
    )
    header = _header(procedure, loaded, given, records, everything, started)
    figures = _write(path, header, records, procedure, everything)
    count = sum(len(rows) for rows in records.streams.values())
    return Imported(path, kind, procedure.values(), count, figures, records.notes, everything)


def _check_sample(procedure: Procedure) -> None:
    for name in procedure.needs_sample:
        if procedure.sample is None:
            raise UserMistake(f"{procedure.name} needs a sample: give --sample NAME or FILE (see xraybench samples)")
        if getattr(procedure.sample, name) is None:
            raise UserMistake(
                f"{procedure.name} needs {name}, which the file of sample '{procedure.sample.name}' lacks"
            )


def _sources(files: Sequence[str]) -> tuple[list[Source], dict[str, Source]]:
    plain: list[Source] = []
    roles: dict[str, Source] = {}
    for text in files:
        role = _ROLE.match(text)
        if role is not None and not Path(text).exists():
            if role[1] in roles:
                raise UserMistake(f"{role[1]}=FILE: stands there twice")
            roles[role[1]] = read_source(Path(role[2]).expanduser())
        else:
            plain.append(read_source(Path(text).expanduser()))
    if not plain:
        raise UserMistake("give a file to import besides those with a role")
    return plain, roles


def _header(
    procedure: Procedure,
    sample: Loaded[Sample] | None,
    settings: ImportSettings,
    records: Records,
    sources: Sequence[Source],
    started: datetime,
) -> RunHeader:
    units = procedure.units()
    instruments: dict[str, Mapping[str, object]] = {
        role: {"identity": {}, "settings": dict(found), "calibration": {}} for role, found in records.settings.items()
    }
    instruments["import"] = {"identity": {}, "settings": {"beam_known": settings.beam_known}, "calibration": {}}
    if settings.dosimeter is not None:
        calibration = {"relative_uncertainty": settings.dosimeter}
        instruments["dosimeter"] = {"identity": {}, "settings": {}, "calibration": calibration}
    names = ", ".join(source.path.name for source in sources)
    of = f" of {sample.content.name}" if sample else ""
    return RunHeader(
        title=f"imported: {procedure.name}{of} from {names}",
        procedure=procedure.name,
        run_uid=str(uuid.uuid4()),
        start_time=started.isoformat(timespec="milliseconds"),
        parameters={name: (value, units[name] or None) for name, value in procedure.values().items()},
        sample={} if sample is None else sample.content.model_dump(mode="json", exclude={"world"}),
        instruments=instruments,
        geometry=(settings.geometry or Geometry()).model_dump(mode="json"),
        provenance={
            "bench": "",
            "imported": True,
            "simulated": False,
            "sample_file": "" if sample is None else sample.text,
            "software_version": software_version(),
            "packages": package_versions(),
            "commit": commit(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "command": list(sys.argv),
            **_provenance(sources),
        },
    )


def _provenance(sources: Sequence[Source]) -> dict[str, object]:
    """Return name, digest and, of text, content of every file."""
    found: dict[str, object] = {}
    for number, source in enumerate(sources, 1):
        found[f"source_{number}_file"] = str(source.path.absolute())
        found[f"source_{number}_sha256"] = source.sha256
        found[f"source_{number}_bytes"] = len(source.content)
        try:
            found[f"source_{number}_text"] = source.text()
        except UserMistake:
            # an image: its pixels are the records
            continue
    return found


def _write(
    path: Path, header: RunHeader, records: Records, procedure: Procedure, sources: Sequence[Source]
) -> Sequence[FigureOfMerit]:
    writer = RunWriter(path, header, stream_layouts(list(records.streams), records.axes))
    try:
        with writer:
            for source in sources:
                writer.event(0.0, "info", "import", f"{source.path.absolute()}, sha256 {source.sha256}")
            for note in records.notes:
                writer.event(0.0, "info", "import", note)
            for stream, rows in records.streams.items():
                for row in rows:
                    writer.record(stream.name, row, 0.0)
            writer.end_records()
            figures, _ = analyse_run(path, type(procedure), completed=False)
            version = {"software_version": software_version()}
            written = [{**figure.as_dict(), **version} for figure in figures]
            writer.finish("completed", written, datetime.now().astimezone().isoformat())
    except ValueError as fault:
        _remove(path)
        raise UserMistake(f"{sources[0].path}: cannot be analysed as {procedure.name}: {fault}") from fault
    except BaseException:
        _remove(path)
        raise
    return figures


def _remove(path: Path) -> None:
    """Remove a run file that never was one: the data is where it came from."""
    path.unlink(missing_ok=True)
    path.with_suffix(".journal.jsonl").unlink(missing_ok=True)
