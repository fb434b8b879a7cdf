"""Bangladesh's customs tariff, line by line, and what of it remains a cost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.cost.tax import refund_value


@settings(deadline=None, max_examples=50)
@given(
    st.floats(0.0, 1.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 60.0),
    st.floats(0.0, 60.0),
    st.floats(0.0, 0.5),
)
def test_a_refund_is_worth_less_the_later_it_comes(advance, share, lag, longer, rate):
    now = refund_value(advance, share, lag, rate)
    assert 0.0 <= refund_value(advance, share, lag + longer, rate) <= now <= advance
