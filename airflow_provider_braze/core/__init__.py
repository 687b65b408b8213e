"""The rules of this provider as pure functions: no Airflow, no Arrow, no I/O, no clock."""
