"""Loaders of the decoders that several series share. A decoder loads Arrow, so a declaration does not import it."""

from __future__ import annotations

from airflow_provider_braze.core.series import Decoder, Series


def load_flat_decoder(series: Series) -> Decoder:
    """Return the decoder of days that are flat objects."""
    from airflow_provider_braze.tables.flat import FlatDecoder

    return FlatDecoder(series)


def load_message_decoder(series: Series) -> Decoder:
    """Return the decoder of days with messages by channel."""
    from airflow_provider_braze.tables.messages import MessageDecoder

    return MessageDecoder(series)
