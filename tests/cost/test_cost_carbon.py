"""Operation dwarfs manufacture on a dirty grid, and not on a clean one."""

import pytest

from gpumix.cost import carbon, energy


def test_h200_server_in_bangladesh_emits_44_tonnes_a_year():
    it_kw = energy.server_power_kw(2.38, 6.22, 0.6)
    kwh = energy.energy_kwh_per_year(energy.facility_power_kw(it_kw, 1.55))
    operation = carbon.operational_kg(kwh, 691.4)
    assert operation == pytest.approx(44_000, rel=0.01)
    embodied = carbon.embodied_kg_per_year(5000.0 + 8 * 600.0, 5.0)
    assert operation > 20 * embodied
    assert carbon.operational_kg(kwh, 50.0) < 2 * embodied
    total = carbon.server_kg_per_year(kwh, 691.4, 5000.0 + 8 * 600.0, 5.0)
    assert total == pytest.approx(operation + embodied)


def test_diesel_is_dirtier_than_this_grid():
    litres = energy.generator_l_per_hour(100.0, 100.0, 0.0170, 0.2483)
    assert carbon.diesel_kg(litres, 2.68) / 100.0 == pytest.approx(0.711, abs=0.001)
