"""Key columns as one value per row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pyarrow as pa

_SEPARATOR: Final = "\x1f"


def join_keys(keys: pa.Table) -> pa.ChunkedArray:
    """Return the key columns as one text per row; a null differs from every text."""
    import pyarrow.compute as pc

    if keys.num_columns == 1:
        return keys.column(0)
    texts = [pc.replace_substring(column, _SEPARATOR, 2 * _SEPARATOR) for column in keys.columns]
    marked = [pc.fill_null(pc.binary_join_element_wise("t", text, ""), "n") for text in texts]
    return pc.binary_join_element_wise(*marked, _SEPARATOR)
