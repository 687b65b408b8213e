"""The rules of this provider as pure functions: no Airflow, no I/O, no clock.

Import from the modules themselves: importing this package loads none of them, so that a Dag file pays for no Arrow.
"""
