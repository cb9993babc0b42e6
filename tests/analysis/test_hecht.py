"""Hecht fits against curves whose mu tau is known."""

import numpy as np
import pytest

from analysis.hecht import compare_hecht, fit_hecht
from analysis.hecht_models import MODELS, bulk_collection, single_carrier_collection

THICKNESS = 300e-6
MU_TAU = 7.81e-5  # cm2/V
J0 = 100.0  # nA/cm2


def current(bias, model="single-carrier", mu_tau=MU_TAU, surface_recombination=0.0, ratio=1.0):
    """Photocurrent density, A/m2, of a detector with J0 = 100 nA/cm2; s/mu in V/cm."""
    largest = bias.max()
    second = surface_recombination * 100 * THICKNESS / largest if model == "surface-recombination" else ratio
    drift = mu_tau * 1e-4 * bias / THICKNESS**2
    return J0 * 1e-5 * MODELS[model].efficiency(drift, np.array([second]), bias / largest)


def held(scatter, seed, stated=None, runs=200, points=9):
    """Shares of fits whose 95 % intervals hold mu tau, J0 and their product."""
    rng = np.random.default_rng(seed)
    bias = np.geomspace(3, 300, points)
    true = current(bias)
    wanted = {"mu_tau": MU_TAU, "j0": J0, "j0_mu_tau": MU_TAU * J0}
    hits = dict.fromkeys(wanted, 0)
    for _ in range(runs):
        noise = scatter(true) * rng.normal(size=points)
        for figure in fit_hecht(bias, true + noise, THICKNESS, stated).figures:
            if figure.interval is not None:
                hits[figure.name] += figure.interval[0] <= wanted[figure.name] <= figure.interval[1]
    return [count / runs for count in hits.values()]


def test_without_noise_the_published_mu_tau_comes_back():
    bias = np.geomspace(3, 300, 10)
    fit = fit_hecht(bias, current(bias), THICKNESS)
    assert fit.mu_tau.value == pytest.approx(MU_TAU, rel=1e-4)
    assert fit.j0.value == pytest.approx(J0, rel=1e-4)
    assert fit.j0_mu_tau.value == pytest.approx(J0 * MU_TAU, rel=1e-4)
    np.testing.assert_allclose(fit.curve, current(bias), rtol=1e-4)


@pytest.mark.parametrize("runs", [60, pytest.param(200, marks=pytest.mark.slow)])
def test_intervals_hold_the_truth_when_scatter_grows_with_the_signal_and_nobody_announced_it(runs):
    for share in held(lambda true: 0.02 * true, seed=1, runs=runs):
        assert 0.90 <= share <= (0.99 if runs >= 200 else 1.0)


def test_intervals_hold_the_truth_when_scatter_is_the_same_everywhere():
    for share in held(lambda true: np.full_like(true, 0.01 * true.max()), seed=2, runs=60):
        assert 0.90 <= share <= 1.0


def test_a_stated_uncertainty_that_is_far_too_small_does_not_narrow_the_interval():
    for share in held(lambda true: 0.02 * true, seed=3, stated=1e-7, runs=40):
        assert share >= 0.87


def test_the_sign_of_bias_and_current_belongs_to_the_carrier_and_changes_nothing():
    bias = np.geomspace(3, 300, 10)
    noisy = current(bias) * (1 + 0.01 * np.random.default_rng(4).normal(size=10))
    one, other = fit_hecht(bias, noisy, THICKNESS), fit_hecht(-bias, -noisy, THICKNESS)
    assert one.mu_tau.value == other.mu_tau.value
    assert one.mu_tau.interval == other.mu_tau.interval
    np.testing.assert_allclose(other.curve, -one.curve)


def test_both_signs_in_one_fit_are_a_mistake():
    with pytest.raises(ValueError, match="both signs"):
        fit_hecht([-10, -5, 5, 10], [-2, -1, 1, 2], THICKNESS)


def test_a_built_in_potential_that_is_known_is_added_to_the_bias():
    bias = np.geomspace(1, 100, 10)
    measured = current(np.append(bias + 0.67, 100.67))[:-1]
    told = fit_hecht(bias, measured, THICKNESS, built_in=0.67)
    untold = fit_hecht(bias, measured, THICKNESS)
    assert told.mu_tau.value == pytest.approx(MU_TAU, rel=1e-3)
    assert abs(untold.mu_tau.value / MU_TAU - 1) > 0.05


def test_two_biases_are_refused_and_so_are_repeats_at_two_biases():
    for bias in ([10.0, 100.0], [10.0, 10.0, 100.0, 100.0]):
        fit = fit_hecht(bias, current(np.array(bias)), THICKNESS)
        assert fit.mu_tau.value is None
        assert "2 different biases" in fit.mu_tau.warnings[0]
        assert fit.j0.value is None


def test_three_parameters_want_four_biases():
    bias = np.array([3.0, 30.0, 300.0])
    assert fit_hecht(bias, current(bias), THICKNESS).mu_tau.value is not None
    fit = fit_hecht(bias, current(bias), THICKNESS, model="surface-recombination")
    assert "at least 4" in fit.mu_tau.warnings[0]


def test_where_little_is_collected_only_the_product_is_quoted():
    bias = np.linspace(0.5, 5, 10)
    noisy = current(bias) * (1 + 0.01 * np.random.default_rng(5).normal(size=10))
    fit = fit_hecht(bias, noisy, THICKNESS)
    assert fit.mu_tau.value is None
    assert fit.j0.value is None
    assert "collection efficiency" in fit.mu_tau.warnings[0]
    assert fit.j0_mu_tau.interval[0] <= J0 * MU_TAU <= fit.j0_mu_tau.interval[1]


def test_a_saturated_photocurrent_gives_a_lower_bound_and_no_value():
    bias = np.linspace(100, 300, 8)
    noisy = current(bias, mu_tau=1e-2) * (1 + 0.02 * np.random.default_rng(6).normal(size=8))
    fit = fit_hecht(bias, noisy, THICKNESS)
    assert fit.mu_tau.value is None
    assert "at least" in fit.mu_tau.warnings[0]


def test_a_current_that_does_not_depend_on_bias_or_falls_or_is_zero_gives_no_number():
    bias = np.geomspace(3, 300, 8)
    for flat in (np.ones(8), np.linspace(2, 1, 8), np.zeros(8)):
        assert fit_hecht(bias, flat, THICKNESS).mu_tau.value is None


def test_bad_input_is_one_line():
    bias = np.geomspace(3, 300, 8)
    with pytest.raises(ValueError, match="thickness is 0"):
        fit_hecht(bias, current(bias), 0.0)
    with pytest.raises(ValueError, match="not finite"):
        fit_hecht(bias, np.full(8, np.nan), THICKNESS)
    with pytest.raises(ValueError, match="cancels a bias"):
        fit_hecht(bias, current(bias), THICKNESS, built_in=-5.0)


def test_a_single_carrier_fit_to_bulk_generation_gives_one_and_a_half_times_the_truth_and_aicc_says_so():
    bias = np.geomspace(1, 1000, 14)
    bulk = current(bias, "two-carrier") * (1 + 0.005 * np.random.default_rng(7).normal(size=14))
    asked, fits = compare_hecht(bias, bulk, THICKNESS)
    assert 1.5 < asked.mu_tau.value / MU_TAU < 1.8
    assert fits["two-carrier"].mu_tau.interval[0] <= MU_TAU <= fits["two-carrier"].mu_tau.interval[1]
    assert fits["two-carrier"].aicc < asked.aicc - 4
    assert any(
        "two-carrier model describes the data better" in warning and "1.5 to 1.7 times" in warning
        for warning in asked.mu_tau.warnings
    )
    assert asked.mu_tau.details["aicc_two_carrier"] == fits["two-carrier"].aicc


def test_surface_recombination_that_is_ignored_lowers_mu_tau_and_manys_formula_finds_it():
    bias = np.geomspace(1, 300, 16)
    measured = current(bias, "surface-recombination", mu_tau=1e-3, surface_recombination=30.0)
    noisy = measured * (1 + 0.003 * np.random.default_rng(8).normal(size=16))
    plain = fit_hecht(bias, noisy, THICKNESS)
    assert plain.mu_tau.value < 0.5 * 1e-3
    many = fit_hecht(bias, noisy, THICKNESS, model="surface-recombination")
    assert many.mu_tau.interval[0] <= 1e-3 <= many.mu_tau.interval[1]
    assert many.surface_recombination.interval[0] <= 30.0 <= many.surface_recombination.interval[1]
    assert many.aicc < plain.aicc


def test_a_single_carrier_is_found_to_have_no_surface_recombination():
    bias = np.geomspace(1, 300, 14)
    noisy = current(bias) * (1 + 0.01 * np.random.default_rng(9).normal(size=14))
    fit = fit_hecht(bias, noisy, THICKNESS, model="surface-recombination")
    assert fit.surface_recombination.interval[0] == 0.0
    assert fit.mu_tau.interval[0] <= MU_TAU <= fit.mu_tau.interval[1]


def test_unequal_carriers_are_told_apart_only_by_good_data():
    bias = np.geomspace(0.3, 3000, 24)
    good = current(bias, "two-carrier-unequal", ratio=0.02)
    noisy = good * (1 + 0.001 * np.random.default_rng(10).normal(size=24))
    fit = fit_hecht(bias, noisy, THICKNESS, model="two-carrier-unequal")
    assert fit.mu_tau.interval[0] <= MU_TAU <= fit.mu_tau.interval[1]
    assert fit.carrier_ratio.interval[0] <= 0.02 <= fit.carrier_ratio.interval[1]


def test_thickness_enters_twice():
    bias = np.geomspace(3, 300, 10)
    fit = fit_hecht(bias, current(bias), THICKNESS, thickness_uncertainty=0.02, area_uncertainty=0.03)
    assert fit.mu_tau.systematic == pytest.approx(0.04 * MU_TAU, rel=1e-3)
    assert fit.j0.systematic == pytest.approx(0.03 * J0, rel=1e-3)


def test_the_formulas_have_their_limits():
    assert single_carrier_collection(1e9) == pytest.approx(1.0)
    assert single_carrier_collection(1e-9) == pytest.approx(1e-9)
    assert single_carrier_collection(1.0) == pytest.approx(1 - np.exp(-1))
    assert bulk_collection(1e9) == pytest.approx(0.5)
    assert bulk_collection(1e-9) == pytest.approx(1e-9)
    assert bulk_collection(1.0) == pytest.approx(np.exp(-1))
    assert bulk_collection(3.0) == pytest.approx(3 - 9 * (1 - np.exp(-1 / 3)))
    assert bulk_collection(999.999) == pytest.approx(float(bulk_collection(1000.001)), rel=1e-8)
