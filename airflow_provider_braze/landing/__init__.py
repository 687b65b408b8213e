"""Landing: tables made into objects of a destination that other writers may share.

``store``: objects with versions, on any store that Airflow has (``stores``: one module a kind). ``layout``: where
things lie, and the guard that keeps one layout. ``formats``: tables to bytes and back. ``plan``: what a run will do.
``spool``: rows on local disk until all campaigns are in. ``upsert``: which rows of an object stay. ``publish``: days
out of the spool into objects. ``record``: what a try's record holds. ``journal``:
the records, and ``changed_days``. ``attempt``: one try's record, and which
changed days it reports. ``precedence``: newer data wins. ``run``: these together.
"""
