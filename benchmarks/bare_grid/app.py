"""The least a screen with 50 rows can be: what the reruns of the real ones are compared with."""

from __future__ import annotations

import time

import pandas as pd
import streamlit as st

_ROWS, _COLUMNS = 50, 12

st.title("Grid")
st.dataframe(
    pd.DataFrame({f"c{column}": [f"{row} {time.time()}" for row in range(_ROWS)] for column in range(_COLUMNS)}),
    hide_index=True,
    height=556,
    key="grid",
)
st.pagination(33, key="page")
