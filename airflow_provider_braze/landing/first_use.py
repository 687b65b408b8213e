"""The check of a store when a destination is first used: whether it keeps concurrent runs apart."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from airflow_provider_braze.exceptions import BrazeConfigError
from airflow_provider_braze.landing.store import ConditionsUnsupportedError, VersionConflictError

if TYPE_CHECKING:
    from airflow_provider_braze.landing.store import Store

log = logging.getLogger(__name__)

README: Final = "_braze/README.txt"
SINGLE_WRITER: Final = "_braze/single_writer"
"""An object that a person creates to accept a store without conditional writes."""

_TEXT: Final = b"""This folder holds the bookkeeping of airflow-provider-braze-analytics for the tables beside it.
Copy it together with the tables. Do not change or remove anything here while a task is landing data.
"""


def check_conditional_writes(store: Store) -> None:
    """Check that a store rejects the second creation of an object, as concurrent runs depend on that.

    The object has the same content in all runs and is never removed, so runs may check at the same time.

    :raises BrazeConfigError: the store does not reject it, and that was not accepted.
    """
    reason = _second_creation(store)
    if reason is None:
        return
    if store.read(SINGLE_WRITER) is None:
        raise BrazeConfigError(
            f"The store of {store.uri} does not support conditional writes ({reason}), so two runs at the same time "
            "could overwrite each other's data. Use another store. Or, if only one run at a time lands here, accept "
            f"it by creating the object {store.uri_of(SINGLE_WRITER)} with any content."
        )
    store.accept_unconditional_writes()
    log.warning("%s does not support conditional writes (%s). Let only one run at a time land here", store.uri, reason)


def _second_creation(store: Store) -> str | None:
    """Create an object twice. Return why the store cannot reject the second creation, None if it does."""
    try:
        for _ in range(2):
            store.write(README, _TEXT, None)
    except VersionConflictError:
        return None
    except ConditionsUnsupportedError as error:
        return f"it rejected `If-None-Match`, or a checksum header: {error}"
    return "it ignores `If-None-Match`"
