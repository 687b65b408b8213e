"""The engine that all series share: decode responses, build Arrow tables, sort and fingerprint them.

Decoders: ``messages`` for campaigns and sends, ``canvases``, and ``flat`` for the rest. The first two have two
ways with the same rows: a response of a known shape as a whole (``shapes`` or ``canvas_shapes``, then ``packing``), any
other one value by value (``rows``). ``records`` splits an object into columns and ``other``.
``building``, ``columns``: from decoded responses to Arrow columns of a batch. ``sorting``: one order for the same rows.
``lists``, ``details``: tables from a series' list and from details. ``schemas``, ``keys``: Arrow schemas, and key
columns as one value. ``fingerprints``, ``restatement``: whether rows are equal, and how much stored rows changed.
"""
