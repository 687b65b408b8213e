"""Airflow operators of the Braze provider."""
