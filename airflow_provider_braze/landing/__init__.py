"""Landing: tables become objects of a destination that other writers may share.

``run`` ties these together. ``plan``: what a run will do. ``details``: subjects' details, and the lookback from them.
``spool``: rows on local disk until all subjects are fetched. ``publish``: days from the spool into objects, upserted.
``destination``, ``layout``, ``first_use``: where objects are, what runs must agree on, what a store must support.
``store`` and ``stores``: objects with versions on any store that Airflow has. ``formats``, ``parquet``, ``jsonl``:
tables to bytes and back. ``journal``, ``tries``, ``record``: one record per try, and the changed days.
``precedence``: newer data wins. ``log``: all that a run logs. ``memory``: Arrow's allocator.
"""
