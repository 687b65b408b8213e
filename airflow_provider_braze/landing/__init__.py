"""Landing: tables made into objects of a destination that other writers may share.

``store``: objects with versions, on any file system that Airflow has. ``layout``: where things lie, and the guard that
keeps one layout. ``formats``: tables to bytes and back. ``spool``: rows on local disk until all campaigns are in.
``upsert``: which rows of an object stay. ``manifest``: what a run did, and what a crashed one may have done.
``publish``: these together, day by day.
"""
