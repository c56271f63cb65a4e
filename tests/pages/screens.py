"""Reading a drawn screen: all that is Markdown on it, all that is text, and its address."""

from __future__ import annotations

from typing import Any

from streamlit.testing.v1 import AppTest

_MARKDOWN = ("title", "header", "subheader", "markdown", "caption", "error", "warning", "info", "success", "toast")
_LABELS = (
    "button",
    "expander",
    "pills",
    "segmented_control",
    "metric",
    "text_input",
    "text_area",
    "toggle",
    "number_input",
    "selectbox",
)


def markdown_of(at: AppTest) -> list[str]:
    """Every text on the screen that Streamlit renders as Markdown."""
    texts: list[str] = []
    for kind in _MARKDOWN:
        texts += [str(getattr(each, "value", "")) for each in at.get(kind)]
    for kind in _LABELS:
        texts += [str(getattr(each, "label", "")) for each in at.get(kind)]
    for kind in ("pills", "segmented_control"):
        texts += [option for each in at.get(kind) for option in _options(each)]
    for table in at.table:
        texts += [str(cell) for column in table.value for cell in table.value[column]]
    return [text for text in texts if text]


def _options(control: Any) -> list[str]:
    return [str(getattr(option, "content", option)) for option in control.proto.options]


def words_of(at: AppTest) -> str:
    """All of it in one text, to look for words in."""
    return "\n".join(markdown_of(at))


def is_well(at: AppTest) -> bool:
    """Whether nothing on the screen tells of an error."""
    return not at.exception and not at.error


def params_of(at: AppTest) -> dict[str, str]:
    """The parameters in the address of the screen; AppTest holds those from outside and those of the desk unlike."""
    return {name: values[0] if isinstance(values, list) else values for name, values in at.query_params.items()}
