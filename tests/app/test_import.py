"""Files from elsewhere become runs whose figures are the truth they were made with, again and again."""

import json

import numpy as np
import pytest
from PIL import Image
from scipy import special

from analysis.decay_model import Response, expected_shape
from app.cli.main import main
from app.engine.reading import analyse_path
from app.imports.importing import import_files
from config.mistake import UserMistake
from storage.reader import open_run, verify

pytestmark = pytest.mark.usefixtures("untraced")

TIO2 = "dong24-tio2"


def by_name(figures):
    return {figure.name: figure for figure in figures}


def imported(tmp_path, text, kind, settings=None, sample=None, name="elsewhere.csv", encoding="utf-8", more=()):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return import_files([str(path), *more], kind, settings=settings, sample=sample, folder=tmp_path / "runs")


def sensitivity_table(seed=1):
    """13 700 uC/(Gy cm2) is 13.7 nA/cm2 per uGy/s."""
    rng = np.random.default_rng(seed)
    rates = np.linspace(70, 2726, 10)
    currents = 13_700 * rates * 1e-9 * 1e3 + rng.normal(0, 0.02, 10)
    return rates, currents


UGLY_GERMAN = "\n".join(
    [
        "# Messung vom 12.03.2024;;;",
        "",
        "Dosisleistung (nGy/s);Stromdichte (nA/cm²);Noise (nA/cm2);Dark noise (nA/cm2);Samples;",
        *(
            f"{rate:.2f};{current:.5f};0,09;0,088;200;".replace(".", ",")
            for rate, current in zip(*sensitivity_table(), strict=True)
        ),
        "",
    ]
)


def test_german_table_in_utf_16_gives_the_sensitivity_and_its_limits(tmp_path):
    done = imported(tmp_path, UGLY_GERMAN, "sensitivity", {"value.field": "-100 V/cm"}, TIO2, encoding="utf-16")
    figures = by_name(done.figures)
    assert figures["sensitivity"].interval[0] <= 13_700 <= figures["sensitivity"].interval[1]
    # 3 x 0.088 nA/cm2 over 13.7 nA/cm2 per uGy/s
    assert figures["lod_iupac"].value == pytest.approx(19.3, rel=0.05)
    # nobody said what tube and filters there were: no theoretical sensitivity is made up
    assert "s0_spectral" not in figures


def test_the_run_file_keeps_the_source_and_gives_the_same_figures_again(tmp_path):
    done = imported(tmp_path, UGLY_GERMAN, "sensitivity", {"value.field": "-100 V/cm"}, TIO2)
    again = analyse_path(done.run_file)
    assert [one.as_dict() for one in again] == [one.as_dict() for one in done.figures]
    assert verify(done.run_file)
    with open_run(done.run_file) as run:
        assert run.status == "completed"
        assert run.title.startswith("imported: sensitivity")
        assert run.provenance["source_1_text"] == UGLY_GERMAN
        assert run.provenance["source_1_sha256"] == done.sources[0].sha256
        assert run.streams["points"].rows == 10
        assert any("Dosisleistung" in str(event["message"]) for event in run.journal)


def test_theoretical_sensitivity_needs_the_beam(tmp_path):
    settings = {"value.field": "-100 V/cm", "tube_voltage": "50", "filters": "SiO2:26mm"}
    figures = by_name(imported(tmp_path, UGLY_GERMAN, "sensitivity", settings, TIO2).figures)
    assert figures["s0_spectral"].value == pytest.approx(3007, rel=0.02)


def test_current_and_volts_are_turned_into_densities_and_fields_by_the_sample(tmp_path):
    rates, currents = sensitivity_table()
    text = "Dose rate [uGy/s],I [pA],Bias [V]\n" + "\n".join(
        f"{rate / 1e3},{current * 1e3 * AREA},{-100 * THICKNESS}" for rate, current in zip(rates, currents, strict=True)
    )
    figure = by_name(imported(tmp_path, text, "sensitivity", sample=TIO2).figures)["sensitivity"]
    assert figure.at["field"][0] == pytest.approx(-100)
    assert figure.interval[0] <= 13_700 <= figure.interval[1]


def sample_sizes():
    from config.loading import sample_file

    content = sample_file(TIO2).content
    return content.area_cm2, content.thickness_um * 1e-4


AREA, THICKNESS = sample_sizes()


@pytest.mark.parametrize(
    ("text", "settings", "said"),
    [
        ("Dose rate (nGy/s),J (nA/cm2)\n70,1\n140\n", {}, "elsewhere.csv, line 3: has 1 cells"),
        ("Dose rate (nGy/s),J (nA/cm2)\n70,1\n140,\n", {}, r"line 3, column 2 \(J \(nA/cm2\)\): has no value"),
        ("Dose rate,J (nA/cm2)\n70,1\n140,2\n", {}, r"column 1 \(Dose rate\): has no unit"),
        ("Dose rate (mSv/h),J (nA/cm2)\n70,1\n140,2\n", {}, "no column for dose_rate"),
        ("Rate (nGy/s),J (nA/cm2)\n70,1\n140,2\n", {}, r"no column for dose_rate.*column\.dose_rate=HEADING"),
        ("Dose rate (nGy/s),J (nA/cm2)\n70,1\n140,2\n", {"column.signal": "K"}, "no such column, only"),
        ("Dose rate (nGy/s),J (nA/cm2)\n70,1\n140,2\n", {"column.sgnal": "J"}, "did you mean 'signal'"),
        ("Dose rate (nGy/s),J (nA/cm2)\n70,1\n140,2\n", {"value.field": "100"}, "has no unit: write 100 V/cm"),
        ("Dose rate (nGy/s),J (nA/cm2)\n70,1\n140,2\n", {"decimal": ";"}, "decimal"),
        ("Dose rate (nGy/s),J (nA/cm2)\n70,1\n140,2\n", {"tube_curent": "1"}, "no parameter 'tube_curent'"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(tmp_path, text, settings, said):
    with pytest.raises(UserMistake, match=said) as caught:
        imported(tmp_path, text, "sensitivity", {"value.field": "-100 V/cm"} | settings, TIO2)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("*.h5"))
    assert not list(tmp_path.rglob("*.jsonl"))


def test_what_the_analysis_cannot_bear_leaves_nothing_behind(tmp_path):
    text = "Dose rate (nGy/s),J (nA/cm2)\n-70,1\n140,2\n200,3\n"
    with pytest.raises(UserMistake, match="cannot be analysed as sensitivity"):
        imported(tmp_path, text, "sensitivity", {"value.field": "-100 V/cm"}, TIO2)
    assert not list((tmp_path / "runs").rglob("*.*"))


def test_lines_with_empty_cells_are_left_out_when_asked(tmp_path):
    text = UGLY_GERMAN + "3000;;0,09;0,088;200;\n"
    done = imported(tmp_path, text, "sensitivity", {"value.field": "-100 V/cm", "missing": "drop"}, TIO2)
    assert done.records == 10
    assert any("1 of 11 lines were left out" in note for note in done.notes)


def test_current_voltage_curve_gives_the_resistivity(tmp_path):
    volts = np.concatenate([np.linspace(-10, 10, 21), np.linspace(10, -10, 21)])
    rng = np.random.default_rng(2)
    amperes = volts * AREA / (8.65e7 * THICKNESS)
    amperes *= 1 + rng.normal(0, 0.003, volts.size)
    text = "V [V]\tI / nA\n" + "\n".join(f"{v:.3f}\t{i * 1e9:.6g}" for v, i in zip(volts, amperes, strict=True))
    figures = by_name(imported(tmp_path, text, "iv", sample=TIO2).figures)
    assert figures["resistivity"].interval[0] <= 8.65e7 <= figures["resistivity"].interval[1]
    assert "hysteresis" in figures


def test_hecht_without_a_dose_rate(tmp_path):
    fields = np.linspace(150, 1600, 14)
    x = 7.81e-5 * fields / THICKNESS
    signal = 50 * x * -np.expm1(-1 / x)
    signal *= 1 + np.random.default_rng(3).normal(0, 0.002, fields.size)
    text = "E (V/cm);J (nA/cm2)\n" + "\n".join(f"{f:.1f};{j:.6f}" for f, j in zip(fields, signal, strict=True))
    figure = by_name(imported(tmp_path, text, "hecht", sample=TIO2).figures)["mu_tau"]
    assert figure.interval[0] <= 7.81e-5 <= figure.interval[1]


def test_stability_over_dose_from_current_and_a_steady_rate(tmp_path):
    minutes = np.linspace(0, 180, 60)
    current = 1000 * np.exp(-minutes / 617) * (1 + np.random.default_rng(4).normal(0, 0.003, minutes.size))
    text = "Time (min),Photocurrent (nA)\n" + "\n".join(
        f"{m:.3f},{i:.4f}" for m, i in zip(minutes, current, strict=True)
    )
    settings = {"value.dose_rate": "24.7 mGy/s"}
    figures = by_name(imported(tmp_path, text, "operational-stability", settings, TIO2).figures)
    # Chen24: 74.7 % after 180 min, 267 Gy
    left = figures["remaining"]
    assert left.interval[0] <= 100 * np.exp(-180 / 617) <= left.interval[1]
    assert left.details["dose_gy"] == pytest.approx(266.8, rel=1e-3)
    text = text.replace("Photocurrent (nA)", "RL intensity (a.u.)")
    light = by_name(imported(tmp_path, text, "rl-stability", settings).figures)
    assert light["remaining"].value == pytest.approx(left.value, rel=1e-3)
    assert not light["remaining"].warnings
    assert "dose monitor" in by_name(imported(tmp_path, text, "rl-stability").figures)["t95"].warnings[0]
    simple = by_name(imported(tmp_path, text, "stability", {"column.signal": "2"}).figures)
    assert simple["remaining"].value == pytest.approx(left.value, rel=1e-3)


def keysight(bias, seed):
    """A packet of 19.3 cm2/(V s) through 300 um and an amplifier of 1 MHz, 1e5 V/A."""
    times = np.arange(-1e-6, 9e-6, 1e-8)
    transit = (300e-6) ** 2 / (19.3e-4 * bias)
    spread = np.sqrt(2 * 0.0254 / bias * np.maximum(times, 0) / transit) + 1e-3
    ideal = np.where(times >= 0, 0.5 * special.erfc((times / transit - 1) / (np.sqrt(2) * spread)), 0.0)
    pole = np.exp(-np.arange(times.size) * 1e-8 * 2 * np.pi * 1e6)
    volts = 0.5 * np.convolve(ideal, pole)[: times.size] / pole.sum()
    volts += np.random.default_rng(seed).normal(0, 0.002, times.size)
    return "x-axis,1\nsecond,Volt\n" + "\n".join(f"{t:+.6E},{v:+.6E}" for t, v in zip(times, volts, strict=True)) + "\n"


def test_oscilloscope_records_give_the_mobility(tmp_path):
    biases = (20, 30, 40, 50)
    paths = []
    for number, bias in enumerate(biases):
        path = tmp_path / f"scope_{bias}.csv"
        path.write_text(keysight(bias, number))
        paths.append(str(path))
    settings = {"value.bandwidth": "1 MHz", "value.transimpedance": "1e5 V/A"}
    with pytest.raises(UserMistake, match="needs the bias"):
        import_files(paths, "tof", settings=settings, sample=TIO2, folder=tmp_path / "runs")
    settings |= {"value.bias": ", ".join(f"{bias} V" for bias in biases)}
    done = import_files(paths, "tof", settings=settings, sample=TIO2, folder=tmp_path / "runs")
    figure = next(one for one in done.figures if one.name == "mobility")
    assert figure.interval[0] <= 19.3 <= figure.interval[1]
    with open_run(done.run_file) as run:
        # 0.5 V through 1e5 V/A
        assert np.max(run.streams["transients"]["current"]) == pytest.approx(5e-6, rel=0.05)


def ocean_view(counts, wavelengths, dark="false"):
    lines = [f"{w:.3f}\t{c:.2f}".replace(".", ",") for w, c in zip(wavelengths, counts, strict=True)]
    return (
        f"Data from FLMS1 Node\n\nIntegration Time (sec): 1,000000E-1\nScans to average: 10\n"
        f"Electric dark correction enabled: {dark}\nNumber of Pixels in Spectrum: {len(lines)}\n"
        ">>>>>Begin Spectral Data<<<<<\n" + "\n".join(lines) + "\n"
    )


def test_a_spectrum_with_its_dark_one_gives_peak_and_width(tmp_path):
    rng = np.random.default_rng(5)
    wavelengths = np.linspace(340, 1020, 2048)
    dark = 1500 + rng.normal(0, 15, wavelengths.size)
    line = 30_000 * np.exp(-0.5 * ((wavelengths - 526) / (21 / 2.3548)) ** 2)
    light = 1500 + rng.normal(line, np.sqrt(line / 10 + 225))
    (tmp_path / "dark.txt").write_text(ocean_view(dark, wavelengths))
    more = [f"dark={tmp_path / 'dark.txt'}"]
    done = imported(tmp_path, ocean_view(light, wavelengths), "rl-spectrum", name="light.txt", more=more)
    figures = by_name(done.figures)
    assert figures["peak_wavelength"].value == pytest.approx(526, abs=0.5)
    assert figures["fwhm"].value == pytest.approx(21, rel=0.02)
    # nobody said the dose rate
    assert figures["intensity_per_dose"].value is None


def test_a_spectrum_on_a_flat_top_gives_no_intensity(tmp_path):
    wavelengths = np.linspace(340, 1020, 2048)
    line = 30_000 * np.exp(-0.5 * ((wavelengths - 526) / 9) ** 2)
    counts = np.minimum(line + np.random.default_rng(8).normal(0, 15, wavelengths.size), 16_383)
    figures = by_name(imported(tmp_path, ocean_view(counts, wavelengths, "true"), "rl-spectrum", name="l.txt").figures)
    assert figures["peak_wavelength"].value is None
    assert "saturated" in figures["peak_wavelength"].warnings[0]


def test_an_edge_in_frames_gives_the_response_of_its_blur(tmp_path):
    y, x = np.mgrid[:120, :160]
    blurred = 0.5 * special.erfc(-(x - 80 - 0.09 * (y - 60)) / (np.sqrt(2) * 1.5 * np.hypot(1, 0.09)))
    rng = np.random.default_rng(6)
    frames = [
        Image.fromarray((500 + 20_000 * blurred + rng.normal(0, 60, x.shape)).astype(np.uint16)) for _ in range(4)
    ]
    frames[0].save(tmp_path / "edge.tif", save_all=True, append_images=frames[1:])
    done = import_files(
        [str(tmp_path / "edge.tif")], "slanted-edge", settings={"pixel_size": "5.6 um"}, folder=tmp_path / "runs"
    )
    # exp(-2 (pi sigma f)^2) = 1/2
    truth = np.sqrt(np.log(2) / 2) / (np.pi * 1.5 * 5.6e-3)
    assert by_name(done.figures)["mtf50"].value == pytest.approx(truth, rel=0.03)
    assert done.records == 4
    with pytest.raises(UserMistake, match="needs both, dark=FILE and flat=FILE"):
        import_files(
            [str(tmp_path / "edge.tif"), f"dark={tmp_path / 'edge.tif'}"], "slanted-edge", folder=tmp_path / "runs"
        )


def decay_files(tmp_path):
    width = 0.1e-9
    times = np.arange(1500) * width
    pulse = np.exp(-0.5 * ((times - 5e-9) / 0.3e-9) ** 2)
    pulse /= pulse.sum()
    rng = np.random.default_rng(7)
    response = Response(pulse[:200], 0.0, width, 0.7e-9)
    shape = sum(a * expected_shape(times, response, tau, 0.0) for a, tau in ((0.7, 5e-9), (0.3, 20e-9)))
    rows = {"decay.csv": rng.poisson(3000 * shape + 3), "irf.csv": rng.poisson(2e5 * pulse + 2)}
    for name, counts in rows.items():
        text = "Time (ns),Counts\n" + "\n".join(f"{t * 1e9:.1f},{n}" for t, n in zip(times, counts, strict=True))
        (tmp_path / name).write_text(text)
    return [str(tmp_path / "decay.csv"), f"response={tmp_path / 'irf.csv'}"]


def test_the_command_prints_one_document_and_analyse_repeats_it(tmp_path, capsys):
    words = [
        "import",
        *decay_files(tmp_path),
        "--as",
        "decay",
        "--set",
        "quantum_yield=0.8",
        "--out",
        str(tmp_path),
        "--json",
    ]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    figures = {one["name"]: one for one in document["figures"]}
    assert figures["lifetime_intensity_average"]["value"] == pytest.approx((0.7 * 25 + 0.3 * 400) / 9.5, rel=0.02)
    assert figures["k_r"]["value"] == pytest.approx(0.8 / 9.5e-9, rel=0.02)
    assert document["status"] == "completed"
    assert main(["analyse", document["run_file"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figures"] == document["figures"]
    assert main(["analyse", document["run_file"], "--set", "components=1", "--json"]) == 0
    assert "does not describe" in capsys.readouterr().out


def test_the_command_says_a_mistake_in_one_line(tmp_path, capsys):
    assert main(["import", str(tmp_path / "none.csv"), "--as", "iv", "--sample", TIO2]) == 2
    assert main(["import", str(tmp_path / "none.csv"), "--as", "ivv"]) == 2
    assert main(["run", "decay", "--out", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert "cannot be read" in lines[0]
    assert "did you mean 'iv'" in lines[1]
    assert "xraybench import FILE --as decay" in lines[2]
    assert not list(tmp_path.rglob("*.h5"))


@pytest.mark.parametrize("name", ["transmittance", "absorbance"])
def test_absorption_tables_give_the_gap(tmp_path, name):
    energy = np.linspace(1.3, 2.2, 300)
    absorbed = np.sqrt(np.maximum(energy - 1.59, 0)) / energy + 0.02
    values = 100 * 10**-absorbed if name == "transmittance" else absorbed
    unit = "%" if name == "transmittance" else "a.u."
    text = f"Wavelength (nm);{name.title()} ({unit})\n" + "\n".join(
        f"{1239.841984 / e:.4f};{v:.6f}" for e, v in zip(energy, values, strict=True)
    )
    assert by_name(imported(tmp_path, text, "tauc").figures)["gap_direct"].value == pytest.approx(1.59, abs=0.005)


def test_capacitance_without_a_junction_is_refused(tmp_path):
    text = "V (V),C (pF)\n" + "\n".join(f"{v:.2f},{10 + 0.001 * v:.5f}" for v in np.linspace(-1, 1, 21))
    figures = by_name(imported(tmp_path, text, "mott-schottky", sample=TIO2).figures)
    assert figures["built_in_potential"].value is None
